// Walks the elements of a strided view in row-major order, run after run, without divisions.

import { mergeRuns, type View } from '../../array/view.ts';

/**
 * Walks the elements of a view in row-major order as runs: stretches of elements that lie one stride apart. A
 * step to the next run takes a few additions and no division. After the last element comes the first one
 * again.
 *
 * @example
 * const cursor = new RunCursor({ shape: [2, 3], strides: [8, 1], offset: 4 });
 * cursor.take(2); // 2: elements from cursor.at = 4
 * cursor.take(9); // 1: element from cursor.at = 6, since a run ends where its row does
 * cursor.take(9); // 3: elements from cursor.at = 12
 */
export class RunCursor {
  /** Distance in the buffer between neighbours of a run. */
  readonly stride: number;
  /** The place in the buffer of the first element of the latest `take`. */
  at = 0;

  readonly #length: number;
  readonly #outerSizes: readonly number[];
  readonly #outerStrides: readonly number[];
  readonly #index: number[];
  #base: number;
  #position = 0;

  constructor(view: View) {
    const runs = mergeRuns(view);
    const inner = runs.pop() ?? { size: 1, stride: 0 };
    this.stride = inner.stride;
    this.#length = inner.size;
    this.#outerSizes = runs.map(({ size }) => size);
    this.#outerStrides = runs.map(({ stride }) => stride);
    this.#index = runs.map(() => 0);
    this.#base = view.offset;
  }

  /** Takes the next elements of the current run, at most `limit`; returns how many. */
  take(limit: number): number {
    const count = Math.min(limit, this.#length - this.#position);
    this.at = this.#base + this.#position * this.stride;
    this.#position += count;
    if (this.#position === this.#length) this.#nextRun();
    return count;
  }

  #nextRun(): void {
    this.#position = 0;
    for (let axis = this.#index.length - 1; axis >= 0; axis--) {
      this.#base += this.#outerStrides[axis];
      if (++this.#index[axis] < this.#outerSizes[axis]) return;
      this.#base -= this.#outerStrides[axis] * this.#outerSizes[axis];
      this.#index[axis] = 0;
    }
  }
}
