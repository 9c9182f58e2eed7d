// Counts the tensors of a backend that are alive: storage that was made and not given back.

import type { Backend, Storage } from '../backends/backend.ts';
import { collectGarbage, nextTask } from '../backends/collector.ts';
import { keptNumbers } from '../eager.ts';

/** How many storages of one kind are alive: by `float32 of 1024`, say. */
export type Counts = ReadonlyMap<string, { readonly count: number; readonly bytes: number }>;

/** Collections after which what is still alive is taken to stay so. */
const [LEAST_ROUNDS, MOST_ROUNDS] = [3, 30];

/** Watches the methods of a backend that make storage, until it ends. */
export class Census {
  readonly #backend: Backend;
  readonly #made: Set<WeakRef<Storage>> = new Set();
  readonly #released: WeakSet<Storage> = new WeakSet();
  readonly #restores: readonly (() => void)[];

  constructor(backend: Backend) {
    this.#backend = backend;
    const { allocate, store, transfer, release } = backend;
    const watched: Partial<Backend> = {
      allocate: (...args) => this.#note(allocate.apply(backend, args)),
      store: (...args) => this.#note(store.apply(backend, args)),
      transfer: (storage, op) => {
        const moved = transfer.call(backend, storage, op);
        this.#released.add(storage);
        return this.#note(moved);
      },
      release: (...args) => {
        release.apply(backend, args);
        this.#released.add(args[0]);
      },
    };
    this.#restores = Object.entries(watched).map(([name, value]) => replace(backend, name, value));
  }

  /** Leaves the backend as it was. */
  end(): void {
    for (const restore of this.#restores) restore();
  }

  /**
   * Collects garbage until the number of storages falls no more, and counts those that are alive.
   *
   * @param goal A number at which nobody needs to look on. Default: none.
   */
  async count(goal = -1): Promise<Counts> {
    let [least, unchanged] = [Infinity, 0];
    for (let round = 0; round < MOST_ROUNDS && unchanged < LEAST_ROUNDS; round++) {
      await nextTask(); // looking at a storage keeps it until the task ends
      collectGarbage();
      await nextTask();
      const { length } = this.#alive();
      unchanged = length < least ? 0 : unchanged + 1;
      least = Math.min(least, length);
      if (length <= goal) break;
    }
    return countsOf(this.#alive());
  }

  #note(storage: Storage): Storage {
    this.#made.add(new WeakRef(storage));
    return storage;
  }

  #alive(): readonly Storage[] {
    const kept = new Set(keptNumbers(this.#backend));
    const alive: Storage[] = [];
    for (const reference of this.#made) {
      const storage = reference.deref();
      if (storage === undefined || this.#released.has(storage)) this.#made.delete(reference);
      else if (!kept.has(storage)) alive.push(storage);
    }
    return alive;
  }
}

function countsOf(storages: readonly Storage[]): Counts {
  const counts = new Map<string, { count: number; bytes: number }>();
  for (const { dtype, size } of storages) {
    const kind = `${dtype} of ${size}`;
    const known = counts.get(kind) ?? { count: 0, bytes: 0 };
    const bytes = size * (dtype === 'bool' ? 1 : 4);
    counts.set(kind, { count: known.count + 1, bytes: known.bytes + bytes });
  }
  return counts;
}

/** Puts a value in the place of a method, and returns a function that takes it away again. */
function replace(object: object, name: string, value: unknown): () => void {
  const own = Object.getOwnPropertyDescriptor(object, name);
  Object.defineProperty(object, name, {
    value,
    writable: true,
    configurable: true,
    enumerable: true,
  });
  return () => {
    Reflect.deleteProperty(object, name);
    if (own !== undefined) Object.defineProperty(object, name, own);
  };
}
