// Estimates how long an elementwise kernel takes, to decide how to share it among threads.

import type { PointwiseParams } from '../../../primitives/pointwise.ts';
import type { MapKernel, ReduceKernel } from '../../../plan/kernel.ts';

/**
 * Nanoseconds of a vector of four elements through a primitive, where that is more than one, on one core of
 * an AMD EPYC of the Zen 4 generation (2026).
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

/** Nanoseconds, roughly, that a kernel takes for `elements` elements. */
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
