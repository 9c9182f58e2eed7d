// Collects a file piece by piece, up to the length that its own header promises.

/** What the first bytes of a file say of all of it. */
export interface Promised {
  /** Bytes of the whole file. */
  readonly length: number;
  /** The error for a file that goes on. */
  readonly tooLong: () => Error;
}

/**
 * The bytes of a file that come in pieces, such as from an inflating stream. Memory grows with what has come, at most
 * to twice of that. So a header that promises much costs nothing, and what goes on past its promise is refused at
 * the first byte too many.
 */
export class PromisedBytes {
  readonly #promiseOf: (start: Uint8Array) => Promised | undefined;
  #bytes: Uint8Array = new Uint8Array(0);
  #length = 0;
  #promised: Promised | undefined;

  /** @param promiseOf what the first bytes promise; `undefined` while they are too few to say it */
  constructor(promiseOf: (start: Uint8Array) => Promised | undefined) {
    this.#promiseOf = promiseOf;
  }

  /** Takes the next piece. */
  add(piece: Uint8Array): void {
    const length = this.#length + piece.length;
    if (length > this.#bytes.length) this.#grow(length);
    this.#bytes.set(piece, this.#length);
    this.#length = length;
    this.#promised ??= this.#promiseOf(this.bytes());
    if (this.#promised !== undefined && length > this.#promised.length) {
      throw this.#promised.tooLong();
    }
  }

  #grow(least: number): void {
    const most = Math.max(least, this.#promised?.length ?? 0);
    const larger = new Uint8Array(Math.min(most, Math.max(least, 2 * this.#bytes.length)));
    larger.set(this.bytes());
    this.#bytes = larger;
  }

  /** The bytes that have come. They may be fewer than promised. */
  bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }
}
