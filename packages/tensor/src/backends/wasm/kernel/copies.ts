// Shared routines that zero rows, copy them, collect strided elements, or spread them out.

import type { FunctionReference } from '../assembler/function.ts';
import { i32 } from '../assembler/instructions.ts';
import { f32x4, v128 } from '../assembler/simd.ts';
import { forEachFour } from './fours.ts';
import type { Routines } from './kernel-code.ts';

/**
 * Sets elements to 0.
 *
 * Parameters: address, elements.
 */
export function zeroRow(routines: Routines): FunctionReference {
  return routines.get('zero row', { parameters: ['i32', 'i32'], result: null }, (f) => {
    const to = f.parameter('i32', 0);
    const count = f.parameter('i32', 1);
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

/**
 * Copies elements that lie side by side, to where they lie side by side.
 *
 * Parameters: to, from, elements.
 */
export function copyRow(routines: Routines): FunctionReference {
  return routines.get('copy row', { parameters: ['i32', 'i32', 'i32'], result: null }, (f) => {
    const to = f.parameter('i32', 0);
    const from = f.parameter('i32', 1);
    const count = f.parameter('i32', 2);
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

/**
 * Copies elements that lie `step` bytes apart, to where they lie side by side.
 *
 * Parameters: to, from, elements, step.
 */
export function collectRow(routines: Routines): FunctionReference {
  const parameters = ['i32', 'i32', 'i32', 'i32'] as const;
  return routines.get('collect row', { parameters, result: null }, (f) => {
    const [to, from, count, step] = parameters.map((type, i) => f.parameter(type, i));
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

/**
 * Copies elements that lie side by side, to where they lie `step` bytes apart.
 *
 * Parameters: to, from, elements, step.
 */
export function spreadRow(routines: Routines): FunctionReference {
  const parameters = ['i32', 'i32', 'i32', 'i32'] as const;
  return routines.get('spread row', { parameters, result: null }, (f) => {
    const [to, from, count, step] = parameters.map((type, i) => f.parameter(type, i));
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
