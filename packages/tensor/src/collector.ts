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
export function collectGarbage(): void {
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
export async function provokeCollection(isDue: () => boolean): Promise<void> {
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
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}

/** So many bytes are handed out, less those given back, before garbage is collected. */
const LEAST_BYTES = 2 ** 28;

/** And so many pieces, however small: more at once would take long to put in order. */
const LEAST_PIECES = 2 ** 17;

/** Tells when one memory should have garbage collected. */
export class CollectionPace {
  private bytes = 0;
  private pieces = 0;
  private mostBytes = LEAST_BYTES;
  private mostPieces = LEAST_PIECES;

  get isDue(): boolean {
    return this.bytes > this.mostBytes || this.pieces > this.mostPieces;
  }

  handOut(bytes: number): void {
    this.bytes += bytes;
    this.pieces++;
  }

  takeBack(bytes: number): void {
    this.bytes = Math.max(0, this.bytes - bytes);
    this.pieces = Math.max(0, this.pieces - 1);
  }

  /**
   * Begins anew after a collection. What it left is in use: the more that is, the longer until the next
   * one, which has to look through all of it.
   */
  restart(usedBytes: number): void {
    this.bytes = 0;
    this.pieces = 0;
    this.mostBytes = Math.max(LEAST_BYTES, usedBytes / 2);
    this.mostPieces = Math.max(LEAST_PIECES, loans.size / 2);
  }
}
