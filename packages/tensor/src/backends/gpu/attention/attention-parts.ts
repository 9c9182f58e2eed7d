// Attention and its gradient in parts: matrix products and row kernels, with intermediate results in memory.

import type { Operand } from '../../../plan/kernel.ts';
import type { AttentionParams } from '../../../composites/attention.ts';
import { sizeOf } from '../../../array/shape.ts';
import { contiguousView } from '../../../array/view.ts';
import { attentionSizes, isEmpty, transposed } from './attention-operands.ts';
import type { CallOperands, Lowering } from '../kernel/lowering.ts';
import { lowerMap } from '../elementwise/map.ts';
import { multiply } from '../product/matmul.ts';
import { lowerRows } from '../rows/row-kernel.ts';
import type { RowFormula } from '../rows/row-formula.ts';
import { softmaxFormula, softmaxGradFormula } from '../rows/softmax.ts';

/** Computes `y = softmax(scale · q kᵀ) v` as two products with a row kernel between them. */
export function lowerAttentionInParts(
  lowering: Lowering,
  operands: CallOperands,
  { scale }: AttentionParams,
): void {
  const [q, k, v] = operands.inputs;
  const [y] = operands.outputs;
  if (isEmpty(attentionSizes(operands))) {
    clear(lowering, y);
    return;
  }
  multiply(lowering, weights(lowering, q, k, scale), v, y.buffer);
}

/**
 * Computes the gradient. With p = softmax(scale · q kᵀ) and s̄ = scale · softmaxGrad(p, ȳ vᵀ): `v̄ = pᵀ ȳ`,
 * `q̄ = s̄ k`, `k̄ = s̄ᵀ q`.
 *
 * Unlike the forward kernel, this writes the logits to memory. A kernel has one result. So without stored
 * logits each of the three kernels would compute p anew, and two of them s̄, after one more kernel for the
 * largest logits and the sums: ten products of the size of q kᵀ instead of these five. That is 10 E more
 * operations per logit, and it saves about nine passes over its 4 bytes. It is a loss where operations
 * dominate, as on a software adapter. It is about even on a GPU at peak speed, which such products do not
 * reach.
 */
export function lowerAttentionGrad(
  lowering: Lowering,
  operands: CallOperands,
  { scale }: AttentionParams,
): void {
  const [q, k, v, cotangent] = operands.inputs;
  if (isEmpty(attentionSizes(operands))) {
    for (const output of operands.outputs) clear(lowering, output);
    return;
  }
  const p = weights(lowering, q, k, scale); // [..., T, S]
  const pCotangent = product(lowering, cotangent, transposed(v)); // [..., T, S]
  const slopes = alongKeys(lowering, [p, pCotangent], softmaxGradFormula(scale)); // [..., T, S]
  const results = [
    [slopes, k],
    [transposed(slopes), q],
    [transposed(p), cotangent],
  ] as const;
  results.forEach(([a, b], i) => {
    const { buffer, view } = operands.outputs[i];
    if (sizeOf(view.shape) > 0) multiply(lowering, a, b, buffer);
  });
}

/** Computes `softmax(scale · q kᵀ)`, `[..., T, S]`. */
function weights(lowering: Lowering, q: Operand, k: Operand, scale: number): Operand {
  return alongKeys(lowering, [product(lowering, q, transposed(k))], softmaxFormula(scale));
}

/** Computes `a b` into a slot of its own. */
function product(lowering: Lowering, a: Operand, b: Operand): Operand {
  const columns = b.view.shape[b.view.shape.length - 1];
  const result = temporary(lowering, [...a.view.shape.slice(0, -1), columns]);
  multiply(lowering, a, b, result.buffer);
  return result;
}

/** Runs a row kernel along the last axis; its result gets a slot of its own. */
function alongKeys(lowering: Lowering, operands: readonly Operand[], formula: RowFormula): Operand {
  const { shape } = operands[0].view;
  const result = temporary(lowering, shape);
  lowerRows(lowering, operands, shape.length - 1, result, formula);
  return result;
}

function temporary(lowering: Lowering, shape: readonly number[]): Operand {
  const buffer = lowering.temporary('float32', sizeOf(shape));
  return { buffer, dtype: 'float32', view: contiguousView(shape) };
}

/** Sets an output to 0. */
function clear(lowering: Lowering, output: Operand): void {
  const { shape } = output.view;
  if (sizeOf(shape) === 0) return;
  const { dtype } = output;
  const expression = { nodes: [{ kind: 'literal', value: 0, dtype } as const], results: [0] };
  lowerMap(lowering, { kind: 'map', shape, inputs: [], expression, outputs: [output] });
}
