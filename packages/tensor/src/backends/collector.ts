// Gives memory back that the garbage collector cannot see, when its owner is garbage.

/**
 * Memory that the engine's garbage collector does not see. It is given back when its owner is garbage. After
 * much memory was handed out, garbage is collected on purpose, since the engine has no reason to hurry.
 */

/** The parts of Node, Deno and Bun that we use. */
interface Host {
  readonly process?: {
    getBuiltinModule?(name: 'node:v8'): { setFlagsFromString(flags: string): void };
    getBuiltinModule?(name: 'node:vm'): {
      createContext(globals: object, options: { readonly microtaskMode: 'afterEvaluate' }): object;
      runInContext(code: 'gc', context: object): (options?: object) => void;
      runInContext(code: '0', context: object): number;
    };
  };
  readonly Bun?: { gc(force: boolean): void };
}

/** Memory that an owner holds. */
export interface Loan {
  readonly giveBack: () => void;
  /** The owner; `null` if garbage cannot be collected at once, since then it is never asked for. */
  readonly owner: WeakRef<object> | null;
}

const loans = new Set<Loan>();

const registry = new FinalizationRegistry<Loan>((loan) => {
  if (loans.delete(loan)) loan.giveBack();
});

/** Collects all garbage at once, and gives pages back to the system if it `shrinks`. */
type Collect = (shrinks: boolean) => void;

/**
 * The collection that also gives V8's young generation back: other ones keep its size for ever. V8 11 collects
 * nothing for it.
 */
const SHRINKING = { type: 'major', flavor: 'last-resort' };

let collect: Collect | null | undefined;

/** A function that collects all garbage at once; `null` if the engine does not allow that, as in a page. */
function collector(): Collect | null {
  if (collect === undefined) collect = findCollector();
  return collect;
}

function findCollector(): Collect | null {
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
    const gc = vm.runInContext('gc', context); // only contexts that are made after the flag have it
    return (shrinks) => {
      // A new WeakRef holds its object until the running job ends. The end of an evaluation that has
      // microtasks of its own is such an end.
      vm.runInContext('0', context);
      gc();
      if (shrinks) gc(SHRINKING);
    };
  } catch {
    return null;
  }
}

/**
 * Registers memory to be given back when its owner is garbage. That happens in {@link collectGarbage}, or in
 * a task that the engine starts after a collection of its own.
 *
 * @param giveBack Gives the memory back. It must not hold the owner.
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

/**
 * Collects garbage now, and gives back the memory that it owned, where the engine allows that.
 *
 * @param shrinks Whether the heap gives pages back to the system too. That takes longer: about 0.1 s.
 */
export function collectGarbage(shrinks = false): void {
  collector()?.(shrinks);
  for (const loan of loans) {
    if (loan.owner === null || loan.owner.deref() !== undefined) continue;
    settle(loan);
    loan.giveBack();
  }
}

/** Total bytes of arrays that make V8 collect. They count as memory, but are never touched and cost none. */
const PROVOKING_BYTES = 2 ** 29;

/** Rounds after which an engine that has found nothing will find nothing. */
const MOST_ROUNDS = 4;

/**
 * Makes the engine collect garbage if that cannot be requested: it allocates and drops arrays. Tasks in
 * between let the engine report what it found.
 *
 * @param isDue Whether a collection is still needed.
 */
async function provokeCollection(isDue: () => boolean): Promise<void> {
  for (let round = 0; round < MOST_ROUNDS && isDue(); round++) {
    try {
      for (let bytes = 0; bytes < PROVOKING_BYTES;) bytes += new ArrayBuffer(2 ** 26).byteLength;
    } catch {
      // Memory is so short that the engine has collected already.
    }
    await nextTask();
  }
}

/** Ends the running task: what it looked at by weak references may then be collected. */
export function nextTask(): Promise<void> {
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

/** Net bytes handed out before garbage is collected: those handed out, less those given back. */
const LEAST_BYTES = 2 ** 28;

/** Net pieces handed out before garbage is collected, however small: more would take long to examine. */
const LEAST_PIECES = 2 ** 17;

/** Counts the memory that is handed out, and collects garbage when a collection is worth its time. */
export class CollectionPace {
  readonly #usedBytes: () => number;
  #bytes = 0;
  #pieces = 0;
  #mostBytes = LEAST_BYTES;
  #mostPieces = LEAST_PIECES;
  /** The running collection that reads wait for; `null` if there is none. */
  #provoked: Promise<void> | null = null;

  /** @param usedBytes The bytes that the memory holds, garbage included. */
  constructor(usedBytes: () => number) {
    this.#usedBytes = usedBytes;
  }

  get #isDue(): boolean {
    return this.#bytes > this.#mostBytes || this.#pieces > this.#mostPieces;
  }

  /** Counts a piece; call it before the piece is handed out. */
  handOut(bytes: number): void {
    this.#bytes += bytes;
    this.#pieces++;
    if (this.#isDue) this.collect();
  }

  takeBack(bytes: number): void {
    this.#bytes = Math.max(0, this.#bytes - bytes);
    this.#pieces = Math.max(0, this.#pieces - 1);
  }

  /** Collects garbage, if that can be done at once. */
  collect(): void {
    if (!canCollect()) return;
    collectGarbage();
    this.#restart();
  }

  /**
   * If garbage cannot be collected at once, waits for a due collection. Call it where values are awaited
   * anyway.
   */
  rest(): Promise<void> | null {
    if (this.#isDue) this.#provoked ??= this.#provoke();
    return this.#provoked;
  }

  async #provoke(): Promise<void> {
    await provokeCollection(() => this.#isDue);
    this.#restart();
    this.#provoked = null;
  }

  /**
   * Sets the limits anew. A collection looks through all memory in use, so more of it means longer intervals.
   */
  #restart(): void {
    this.#bytes = 0;
    this.#pieces = 0;
    this.#mostBytes = Math.max(LEAST_BYTES, this.#usedBytes() / 2);
    this.#mostPieces = Math.max(LEAST_PIECES, loans.size / 2);
  }
}
