// Loops over elements by several at a time, then over those that are left.

import type { I32 } from '../assembler/code.ts';
import type { FunctionBuilder, Local } from '../assembler/function.ts';
import { i32 } from '../assembler/instructions.ts';

/** The elements of a row that are left for the next loop, which takes `step` of them in each turn. */
export class Remaining {
  readonly #f: FunctionBuilder;
  readonly #left: Local<'i32'>;
  /** How many are left, if that is known when the code is written. */
  #known: number | null;

  constructor(f: FunctionBuilder, count: I32 | number) {
    this.#f = f;
    this.#known = typeof count === 'number' ? count : null;
    this.#left = f.keep(typeof count === 'number' ? i32.const(count) : count);
  }

  /** Repeats `body` for every `step` elements that are left. */
  inSteps(step: number, body: () => void): void {
    const [f, left, known] = [this.#f, this.#left, this.#known];
    if (known !== null && known < step) return;
    f.while(
      () => i32.ge_s(left, i32.const(step)),
      () => {
        body();
        f.increase(left, -step);
      },
    );
    this.#known = known && known % step;
  }
}

/** Repeats `inFours` for every four of `count` elements, then `rest` for each one that is left. */
export function forEachFour(
  f: FunctionBuilder,
  count: I32 | number,
  inFours: () => void,
  rest: () => void,
): void {
  const remaining = new Remaining(f, count);
  remaining.inSteps(4, inFours);
  remaining.inSteps(1, rest);
}
