// Shared routines that zero rows, copy them, collect strided elements, or spread them out.

import { i32 } from '../assembler/instructions.ts';
import type { Routine } from '../assembler/routine.ts';
import { f32x4, v128 } from '../assembler/simd.ts';
import { forEachFour } from './steps.ts';
import type { Routines } from './kernel-code.ts';

/** The addresses are those of the first elements; `count` is the number of elements. */
const ZERO = { to: 'i32', count: 'i32' } as const;
const COPY = { to: 'i32', from: 'i32', count: 'i32' } as const;
/** `step` is the distance in bytes between the elements that lie apart. */
const STRIDED_COPY = { to: 'i32', from: 'i32', count: 'i32', step: 'i32' } as const;

/** Sets `count` elements to 0. */
export function zeroRow(routines: Routines): Routine<typeof ZERO> {
  return routines.get('zero row', ZERO, (f, { to, count }) => {
    const zero = f32x4.constant(0);
    const inFours = (): void => {
      f.emit(v128.store(to, zero));
      f.increase(to, 16);
    };
    const rest = (): void => {
      f.emit(i32.store(to, i32.const(0)));
      f.increase(to, 4);
    };
    forEachFour(f, count, inFours, rest);
  });
}

/** Copies `count` elements that lie side by side, to where they lie side by side again. */
export function copyRow(routines: Routines): Routine<typeof COPY> {
  return routines.get('copy row', COPY, (f, { to, from, count }) => {
    const inFours = (): void => {
      f.emit(v128.store(to, v128.load(from)));
      f.increase(to, 16);
      f.increase(from, 16);
    };
    const rest = (): void => {
      f.emit(i32.store(to, i32.load(from)));
      f.increase(to, 4);
      f.increase(from, 4);
    };
    forEachFour(f, count, inFours, rest);
  });
}

/** Copies `count` elements that lie `step` bytes apart, to where they lie side by side. */
export function collectRow(routines: Routines): Routine<typeof STRIDED_COPY> {
  return routines.get('collect row', STRIDED_COPY, (f, { to, from, count, step }) => {
    const inFours = (): void => {
      const vector = f.keep(v128.load32_zero(from));
      for (let lane = 1; lane < 4; lane++) {
        f.increase(from, step);
        f.set(vector, v128.load32_lane(from, vector, lane));
      }
      f.increase(from, step);
      f.emit(v128.store(to, vector));
      f.increase(to, 16);
    };
    const rest = (): void => {
      f.emit(i32.store(to, i32.load(from)));
      f.increase(to, 4);
      f.increase(from, step);
    };
    forEachFour(f, count, inFours, rest);
  });
}

/** Copies `count` elements that lie side by side, to where they lie `step` bytes apart. */
export function spreadRow(routines: Routines): Routine<typeof STRIDED_COPY> {
  return routines.get('spread row', STRIDED_COPY, (f, { to, from, count, step }) => {
    const inFours = (): void => {
      const vector = f.keep(v128.load(from));
      for (let lane = 0; lane < 4; lane++) {
        f.emit(v128.store32_lane(to, vector, lane));
        f.increase(to, step);
      }
      f.increase(from, 16);
    };
    const rest = (): void => {
      f.emit(i32.store(to, i32.load(from)));
      f.increase(to, step);
      f.increase(from, 4);
    };
    forEachFour(f, count, inFours, rest);
  });
}
