// The vector a · b + c, with a single rounding where the engine has relaxed SIMD.

import type { V128 } from '../assembler/code.ts';
import { f32x4 } from '../assembler/simd.ts';
import type { Target } from './kernel-code.ts';

/** `a · b + c`: rounded once where the target has relaxed SIMD, twice elsewhere. */
export function multiplyAdd({ relaxed }: Target, a: V128, b: V128, c: V128): V128 {
  return relaxed ? f32x4.relaxed_madd(a, b, c) : f32x4.add(f32x4.mul(a, b), c);
}
