/** Counts what a reader allocates and parses, and ends it when it asks for more than a file of its size may take. */

const ARRAYS = [
  'Uint8Array',
  'Uint8ClampedArray',
  'Uint16Array',
  'Int16Array',
  'Int8Array',
  'Uint32Array',
  'Int32Array',
  'Float32Array',
  'Float64Array',
  'BigInt64Array',
  'BigUint64Array',
] as const;

/** What a reader asked for. It is no error that a reader may have caught as one of its own. */
export class Spending {
  /** Bytes of arrays, and characters of JSON. */
  spent = 0;
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  add(bytes: number): void {
    this.spent += bytes;
    if (this.spent > this.#most) {
      throw new Error(`asks for ${this.spent} bytes, expected at most ${this.#most}`);
    }
  }

  get isOver(): boolean {
    return this.spent > this.#most;
  }
}

/** How many elements a call of a constructor of arrays makes. A view of a buffer makes none. */
function lengthOf(source: unknown): number {
  if (typeof source === 'number') return source;
  if (source instanceof ArrayBuffer || source instanceof SharedArrayBuffer) return 0;
  const { length = 0 } = (source ?? {}) as { readonly length?: number };
  return length;
}

/**
 * Calls a reader while its arrays and its JSON are counted. Arrays that Node's own code makes are not seen; what comes out of
 * them is, as soon as it is copied.
 */
export async function counted<T>(spending: Spending, read: () => T | Promise<T>): Promise<T> {
  const own = globalThis as unknown as Record<string, new (...args: unknown[]) => unknown>;
  const before = ARRAYS.map((name) => [name, own[name]] as const);
  const { from } = Array;
  const { parse } = JSON;
  for (const [name, array] of before) {
    const { BYTES_PER_ELEMENT: width } = array as unknown as Uint8ArrayConstructor;
    own[name] = new Proxy(array, {
      construct(target, args: unknown[], subclass) {
        spending.add(width * lengthOf(args[0]));
        return Reflect.construct(
          target,
          args,
          subclass === own[name] ? target : subclass,
        ) as object;
      },
    });
  }
  Array.from = function counting(this: unknown, ...args: Parameters<typeof from>) {
    spending.add(8 * lengthOf(args[0]));
    return Reflect.apply(from, this, args);
  } as typeof from;
  JSON.parse = (text: string, ...rest) => {
    spending.add(text.length);
    return parse(text, ...rest) as unknown;
  };
  try {
    return await read();
  } finally {
    for (const [name, array] of before) own[name] = array;
    Array.from = from;
    JSON.parse = parse;
  }
}
