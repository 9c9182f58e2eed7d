// Estimates how long an elementwise kernel takes, to decide how to share it among threads.

import type { MapKernel, ReduceKernel } from '../../../plan/kernel.ts';

/** Nanoseconds of a vector of four elements through a primitive, where that is more than one. */
const SLOW: Readonly<Record<string, number>> = {
  exp: 4,
  log: 5,
  tanh: 6,
  sigmoid: 5,
  erf: 8,
  sin: 10,
  cos: 10,
  pow: 60,
  div: 2,
  sqrt: 2,
};

/** Nanoseconds, roughly, that a kernel takes for `elements` elements. */
export function costOf(
  { inputs, outputs, expression }: MapKernel | ReduceKernel,
  elements: number,
): number {
  const arithmetic = expression.nodes.reduce(
    (sum, node) => sum + (node.kind === 'apply' ? (SLOW[node.primitive.name] ?? 0.5) : 0),
    0,
  );
  return Math.ceil((elements / 4) * (1 + inputs.length + outputs.length + arithmetic));
}
