// A loop over elements in fours, then over those that are left.

import type { I32 } from '../assembler/code.ts';
import type { FunctionBuilder } from '../assembler/function.ts';
import { i32 } from '../assembler/instructions.ts';

/** Repeats `inFours` for every four of `count` elements, then `rest` for each one that is left. */
export function forEachFour(
  f: FunctionBuilder,
  count: I32 | number,
  inFours: () => void,
  rest: () => void,
): void {
  const known = typeof count === 'number' ? count : null;
  const left = f.keep(typeof count === 'number' ? i32.const(count) : count);
  const repeat = (step: 1 | 4, body: () => void): void => {
    f.while(
      () => i32.ge_s(left, i32.const(step)),
      () => {
        body();
        f.increase(left, -step);
      },
    );
  };
  if (known === null || known >= 4) repeat(4, inFours);
  if (known === null || known % 4 !== 0) repeat(1, rest);
}
