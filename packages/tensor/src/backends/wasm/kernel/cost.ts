// Estimates of how long kernels take, which decide how work is shared among threads.

import type { PointwiseParams } from '../../../primitives/pointwise.ts';
import type { MapKernel, ReduceKernel } from '../../../plan/kernel.ts';

/**
 * Nanoseconds that a primitive takes for a vector of four elements, where that is more than one. They are
 * those of one core of an AMD EPYC of the Zen 4 generation (2026).
 */
const SLOW: { readonly [N in keyof PointwiseParams]?: number } = {
  exp: 4,
  log: 5,
  tanh: 6,
  sigmoid: 5,
  erf: 8,
  sin: 10,
  cos: 10,
  pow: 60,
  mod: 20,
  atan2: 10,
  div: 2,
  sqrt: 2,
};

/**
 * Floating point operations that a core does in a nanosecond, by kernel. Set on 2026-11-25 for one core of
 * an AMD EPYC (Zen 4).
 */
export const FLOPS_PER_NANOSECOND = { matmul: 40, conv2d: 35 } as const;

/**
 * Bytes of an image that a core copies in a nanosecond, row by row. Set on 2026-11-25 for the same machine.
 */
export const COPIED_BYTES_PER_NANOSECOND = 8;

/** What attention and its gradient take. Set on 2026-11-25 for the same machine. */
export const ATTENTION_COST = {
  /** Nanoseconds to multiply two numbers and add the product. */
  product: 0.05,
  /** The softmax of a pair of query and key takes as long as this many products. */
  softmax: 12,
  softmaxGrad: 30,
  /** Nanoseconds of a unit before its first product. */
  unit: 200,
  gradUnit: 500,
} as const;

/** Estimated nanoseconds of an elementwise kernel for `elements` elements. */
export function costOf(
  { inputs, outputs, expression }: MapKernel | ReduceKernel,
  elements: number,
): number {
  const arithmetic = expression.nodes.reduce(
    (sum, node) =>
      sum +
      (node.kind === 'apply' ? (SLOW[node.primitive.name as keyof PointwiseParams] ?? 0.5) : 0),
    0,
  );
  return Math.ceil((elements / 4) * (1 + inputs.length + outputs.length + arithmetic));
}
