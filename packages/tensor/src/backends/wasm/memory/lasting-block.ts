// A block of memory reused from run to run, which moves if lost threads may still write to it.

import type { Block, Heap } from './heap.ts';

/**
 * A block that many runs use, one after the other. If threads were left behind in the middle of a run
 * ({@link Heap.hold}), the block moves, because they may still write to its old place.
 */
export class LastingBlock {
  readonly #heap: Heap;
  #block: Block;

  constructor(heap: Heap, bytes: number, op: string) {
    this.#heap = heap;
    this.#block = heap.allocate(bytes, op);
  }

  get bytes(): number {
    return this.#block.bytes;
  }

  /** The address of the block, valid until the next hold. */
  address(): number {
    if (this.#heap.isFromBefore(this.#block)) this.#move(this.bytes, 'run');
    return this.#block.address;
  }

  /**
   * Makes the block larger. Its contents are lost.
   *
   * @throws StateError if there is not so much memory. The block then keeps its size.
   */
  grow(bytes: number, op: string): void {
    if (this.#heap.isFromBefore(this.#block)) {
      this.#move(bytes, op);
      return;
    }
    // The old block is released first, so that the new one may overlap it.
    const before = this.bytes;
    this.#heap.release(this.#block);
    try {
      this.#block = this.#heap.allocate(bytes, op);
    } catch (error) {
      this.#block = this.#heap.allocate(before, op);
      throw error;
    }
  }

  release(): void {
    this.#heap.release(this.#block);
  }

  #move(bytes: number, op: string): void {
    const before = this.#block;
    this.#block = this.#heap.allocate(bytes, op);
    this.#heap.release(before);
  }
}
