// Gives memory back that the garbage collector cannot see, when its owner is garbage.

/**
 * Memory that the engine's collector does not see: it is given back when its owner is garbage, and garbage
 * is looked for when much was handed out, since the collector would not hurry for it by itself.
 */

/** The parts of Node, Deno and Bun that we use. */
interface Host {
  readonly process?: {
    getBuiltinModule?(name: 'node:v8'): { setFlagsFromString(flags: string): void };
    getBuiltinModule?(name: 'node:vm'): {
      createContext(globals: object, options: { readonly microtaskMode: 'afterEvaluate' }): object;
      runInContext(code: 'gc', context: object): () => void;
      runInContext(code: '0', context: object): number;
    };
  };
  readonly Bun?: { gc(force: boolean): void };
}

/** Memory in the hands of an owner. */
export interface Loan {
  readonly giveBack: () => void;
  /** `null` where nobody would ask it: where garbage cannot be collected at once. */
  readonly owner: WeakRef<object> | null;
}

const loans = new Set<Loan>();

const registry = new FinalizationRegistry<Loan>((loan) => {
  if (loans.delete(loan)) loan.giveBack();
});

let collect: (() => void) | null | undefined;

/** Collects all garbage at once; `null` where the engine does not let us, as in a page. */
function collector(): (() => void) | null {
  if (collect === undefined) collect = findCollector();
  return collect;
}

function findCollector(): (() => void) | null {
  const { process, Bun } = globalThis as Host;
  if (Bun !== undefined) {
    return () => {
      Bun.gc(true);
    };
  }
  const vm = process?.getBuiltinModule?.('node:vm');
  try {
    process?.getBuiltinModule?.('node:v8').setFlagsFromString('--expose-gc');
    const context = vm?.createContext({}, { microtaskMode: 'afterEvaluate' });
    if (vm === undefined || context === undefined) return null;
    const gc = vm.runInContext('gc', context); // what a flag adds is there in contexts made later
    return () => {
      // A new WeakRef holds its object until the running job ends. The end of an evaluation that has
      // microtasks of its own is such an end.
      vm.runInContext('0', context);
      gc();
    };
  } catch {
    return null;
  }
}

/**
 * Has memory given back when its owner is garbage: in {@link collectGarbage}, or in a task that the engine
 * starts after a collection of its own.
 *
 * @param giveBack Must not hold the owner.
 */
export function lend(owner: object, giveBack: () => void): Loan {
  const loan = { giveBack, owner: collector() === null ? null : new WeakRef(owner) };
  loans.add(loan);
  registry.register(owner, loan, loan);
  return loan;
}

/** Forgets a loan: its memory was given back, or has another owner. */
export function settle(loan: Loan): void {
  loans.delete(loan);
  registry.unregister(loan);
}

/** Whether {@link collectGarbage} does anything here. */
export function canCollect(): boolean {
  return collector() !== null;
}

/** Collects garbage now, and has the memory given back that it owned. */
function collectGarbage(): void {
  collector()?.();
  for (const loan of loans) {
    if (loan.owner === null || loan.owner.deref() !== undefined) continue;
    settle(loan);
    loan.giveBack();
  }
}

/** Arrays of so many bytes in all make V8 collect: they count as memory, and cost none. */
const PROVOKING_BYTES = 2 ** 29;

/** An engine that has found nothing by then finds nothing. */
const MOST_ROUNDS = 4;

/**
 * Makes the engine collect garbage where it cannot be told to: by arrays that are dropped unused, and by
 * tasks in between, in which it tells what it found.
 *
 * @param isDue Whether there is still something to hope for.
 */
async function provokeCollection(isDue: () => boolean): Promise<void> {
  for (let round = 0; round < MOST_ROUNDS && isDue(); round++) {
    try {
      for (let bytes = 0; bytes < PROVOKING_BYTES;) bytes += new ArrayBuffer(2 ** 26).byteLength;
    } catch {
      // There is so little memory that the engine has collected already.
    }
    await nextTask();
  }
}

function nextTask(): Promise<void> {
  const { port1, port2 } = new MessageChannel();
  return new Promise((resolve) => {
    port1.addEventListener('message', () => {
      port1.close();
      resolve();
    });
    port1.start();
    port2.postMessage(null);
  });
}

/** So many bytes are handed out, less those given back, before garbage is collected. */
const LEAST_BYTES = 2 ** 28;

/** And so many pieces, however small: more at once would take long to put in order. */
const LEAST_PIECES = 2 ** 17;

/** Counts what a memory hands out, and has garbage collected when enough was for a collection to pay. */
export class CollectionPace {
  private readonly usedBytes: () => number;
  private bytes = 0;
  private pieces = 0;
  private mostBytes = LEAST_BYTES;
  private mostPieces = LEAST_PIECES;
  /** The collection that reads wait for. */
  private provoked: Promise<void> | null = null;

  /** @param usedBytes What the memory holds, garbage included. */
  constructor(usedBytes: () => number) {
    this.usedBytes = usedBytes;
  }

  private get isDue(): boolean {
    return this.bytes > this.mostBytes || this.pieces > this.mostPieces;
  }

  /** To be called before a piece is handed out. */
  handOut(bytes: number): void {
    this.bytes += bytes;
    this.pieces++;
    if (this.isDue) this.collect();
  }

  takeBack(bytes: number): void {
    this.bytes = Math.max(0, this.bytes - bytes);
    this.pieces = Math.max(0, this.pieces - 1);
  }

  /** Collects garbage where that can be done at once. */
  collect(): void {
    if (!canCollect()) return;
    collectGarbage();
    this.restart();
  }

  /** Where it cannot, waits for a collection if one is due; to be called when values are awaited anyway. */
  rest(): Promise<void> | null {
    if (this.isDue) this.provoked ??= this.provoke();
    return this.provoked;
  }

  private async provoke(): Promise<void> {
    await provokeCollection(() => this.isDue);
    this.restart();
    this.provoked = null;
  }

  /** What a collection left is in use: the more that is, the longer until the next, which looks through it. */
  private restart(): void {
    this.bytes = 0;
    this.pieces = 0;
    this.mostBytes = Math.max(LEAST_BYTES, this.usedBytes() / 2);
    this.mostPieces = Math.max(LEAST_PIECES, loans.size / 2);
  }
}
