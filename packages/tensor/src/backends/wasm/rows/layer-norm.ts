// The statistics of layer norm and its gradient, row by row.

import type { CallKernel } from '../../../plan/kernel.ts';
import type { LayerNormParams } from '../../../composites/layer-norm.ts';
import type { V128 } from '../assembler/code.ts';
import type { Local } from '../assembler/function.ts';
import { f32x4, v128 } from '../assembler/simd.ts';
import type { KernelCode } from '../kernel/kernel-code.ts';
import { type Row, axisKernel } from './axis-kernel.ts';
import { multiplyAdd } from '../kernel/multiply-add.ts';

/** The mean and `1 / √(var + eps)` of each row along the last axis. */
export function layerNormStatistics(kernel: CallKernel, { eps }: LayerNormParams): KernelCode {
  return axisKernel(kernel, lastAxis(kernel), 2, (row) => {
    const { mean, scale } = statistics(row, eps);
    row.writeOne(mean, 0);
    row.writeOne(scale, 1);
  });
}

/** `x̄ = (ȳ − mean ȳ − y · mean(ȳ·y)) / √(var x + eps)` over the last axis. */
export function layerNormGrad(kernel: CallKernel, { eps }: LayerNormParams): KernelCode {
  return axisKernel(kernel, lastAxis(kernel), 2.5, (row) => {
    const { f, size } = row;
    const { target } = row.routines;
    const { mean, scale } = statistics(row, eps);
    const [total, along] = row.fold(
      ['sum', 'sum'],
      ([x, cotangent]) => [cotangent, f32x4.mul(cotangent, f32x4.sub(x, mean))],
      { unroll: 2 },
    );
    // With c = x − mean and y = c · scale: x̄ = (ȳ − mean ȳ) · scale − c · scale³ · mean(ȳ·c).
    const cotangentMean = f.keep(f32x4.div(total, f32x4.constant(size)));
    const square = f32x4.mul(scale, scale);
    const slope = f.keep(f32x4.neg(f32x4.mul(square, f32x4.div(along, f32x4.constant(size)))));
    row.write(([x, cotangent]) => {
      const centered = f32x4.sub(cotangent, cotangentMean);
      return f32x4.mul(multiplyAdd(target, f32x4.sub(x, mean), slope, centered), scale);
    });
  });
}

function lastAxis(kernel: CallKernel): number {
  return kernel.inputs[0].view.shape.length - 1;
}

/**
 * The mean and `1 / √(var + eps)`. When the rounded mean is subtracted, a mean of the rest remains. It is
 * subtracted too: rows whose numbers are large and close together need it.
 */
function statistics(row: Row, eps: number): { mean: Local<'v128'>; scale: Local<'v128'> } {
  const { f } = row;
  const size = f32x4.constant(row.size);
  const [sum] = row.fold(['sum'], ([x]) => [x], { unroll: 4 });
  const rough = f.keep(f32x4.div(sum, size));
  const [left, squares] = row.fold(
    ['sum', 'sum'],
    ([x]) => {
      const centered = f.keep(f32x4.sub(x, rough));
      return [centered, f32x4.mul(centered, centered)];
    },
    { unroll: 4 },
  );
  const rest = f.keep(f32x4.div(left, size));
  // An infinite mean leaves nothing to subtract.
  const correction = f.keep(v128.and(rest, f32x4.eq(rest, rest)));
  const variance: V128 = f32x4.sub(f32x4.div(squares, size), f32x4.mul(correction, correction));
  const spread = f32x4.sqrt(f32x4.add(variance, f32x4.constant(eps)));
  return {
    mean: f.keep(f32x4.add(rough, correction)),
    scale: f.keep(f32x4.div(f32x4.constant(1), spread)),
  };
}
