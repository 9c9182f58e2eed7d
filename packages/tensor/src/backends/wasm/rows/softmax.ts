// Softmax, its gradient, logSoftmax and logSumExp, row by row.

import type { CallKernel } from '../../../plan/kernel.ts';
import type { SoftmaxParams } from '../../../composites/softmax.ts';
import type { V128 } from '../assembler/code.ts';
import type { Local } from '../assembler/function.ts';
import { f32x4, v128 } from '../assembler/simd.ts';
import { decay } from './decay.ts';
import type { KernelCode } from '../kernel/kernel-code.ts';
import { type Row, axisKernel } from './axis-kernel.ts';
import { log } from '../elementwise/transcendental/logarithm.ts';

/**
 * `y = e^(x − max x) / Σ e^(x − max x)`. Where the output is this unit's alone, the exponentials wait in it
 * for their sum. Elsewhere they are computed again.
 */
export function softmax(kernel: CallKernel, { axis }: SoftmaxParams): KernelCode {
  return axisKernel(kernel, axis, 3.5, (row) => {
    const { f, routines } = row;
    const peak = peakOf(row);
    const exponential = (x: V128): V128 => decay(f32x4.sub(x, peak), f, routines.target);
    const keep = !row.sharesOutput;
    const [sum] = row.fold(['sum'], ([x]) => [exponential(x)], { unroll: sumsOf(row), keep });
    const factor = f.keep(f32x4.div(f32x4.constant(1), sum));
    if (keep) row.rewrite((y) => f32x4.mul(y, factor));
    else row.write(([x]) => f32x4.mul(exponential(x), factor));
  });
}

/** `x̄ = y · (ȳ − Σ ȳ·y)` */
export function softmaxGrad(kernel: CallKernel, { axis }: SoftmaxParams): KernelCode {
  return axisKernel(kernel, axis, 1, (row) => {
    const [along] = row.fold(['sum'], ([y, cotangent]) => [f32x4.mul(y, cotangent)], { unroll: 4 });
    row.write(([y, cotangent]) => f32x4.mul(y, f32x4.sub(cotangent, along)));
  });
}

/** `y = ln Σ e^x` */
export function logSumExp(kernel: CallKernel, { axis }: SoftmaxParams): KernelCode {
  return axisKernel(kernel, axis, 5, (row) => {
    const { finite, logarithm } = logOfSum(row);
    row.writeOne(f32x4.add(logarithm, finite));
  });
}

/** `y = x − ln Σ e^x` */
export function logSoftmax(kernel: CallKernel, { axis }: SoftmaxParams): KernelCode {
  return axisKernel(kernel, axis, 6, (row) => {
    const { finite, logarithm } = logOfSum(row);
    row.write(([x]) => f32x4.sub(f32x4.sub(x, finite), logarithm));
  });
}

/** How many sums of exponentials a row has. One is fastest, but over long rows its roundings would add up. */
function sumsOf(row: Row): number {
  return row.size < 512 ? 1 : 4;
}

/** The largest element. A NaN makes the sum of the exponentials NaN, so it need not be found here. */
function peakOf(row: Row): Local<'v128'> {
  return row.fold(['peak'], ([x]) => [x], { unroll: 4 })[0];
}

/**
 * The largest element, or 0 if that is not finite, and `ln Σ e^(x − it)`. Under an infinite peak, the
 * exponentials are cut at 1. The peak is then added to the logarithm of their sum, which gives the right
 * result.
 */
function logOfSum(row: Row): { finite: V128; logarithm: V128 } {
  const { f, routines } = row;
  const peak = peakOf(row);
  const isFinite = f32x4.lt(f32x4.abs(peak), f32x4.constant(Infinity));
  const finite = f.keep(v128.and(peak, isFinite));
  const [sum] = row.fold(
    ['sum'],
    ([x]) => {
      const shifted = f32x4.pmin(f32x4.sub(x, finite), f32x4.constant(0));
      return [decay(shifted, f, routines.target)];
    },
    { unroll: sumsOf(row) },
  );
  const logarithm = log(sum, f, routines);
  return { finite, logarithm: f.keep(f32x4.add(logarithm, f32x4.sub(peak, finite))) };
}
