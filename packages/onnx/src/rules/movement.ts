// The rules of movements (reshape, permute, slice, …) and of assemblies (pad, concat).

import type { AssemblyParams, MovementParams } from '@tessera/tensor/extend';
import type { OnnxRule } from './rule.ts';

/** A result of the same value needs no node. */
const same: OnnxRule = (_graph, { inputs: [x] }) => x;

/** Rules of the movements and assemblies. */
export const movement: {
  readonly [N in keyof MovementParams]: OnnxRule<MovementParams[N]>;
} & { readonly [N in keyof AssemblyParams]: OnnxRule<AssemblyParams[N]> } = {
  alias: same,
  /** Where to compute a second time is a decision of the runtime, which knows its memory. */
  barrier: same,
  reshape: (graph, { inputs: [x], result }) =>
    graph.node('Reshape', [x, graph.integers(result.shape)]),
  permute: (graph, { inputs: [x], params: { axes } }) =>
    graph.node('Transpose', [x], { perm: axes }),
  expand: (graph, { inputs: [x], result }) =>
    graph.node('Expand', [x, graph.integers(result.shape)]),
  slice: (graph, { inputs: [x], params: { starts, sizes, steps } }) => {
    const ends = starts.map((start, i) => {
      const end = start + (sizes[i] - 1) * steps[i] + Math.sign(steps[i]);
      // −1 would be the last element; a number below all sizes is the place before the first.
      return end < 0 ? -(2 ** 31) : end;
    });
    const axes = starts.map((_, i) => i);
    return graph.node('Slice', [x, ...[starts, ends, axes, steps].map((n) => graph.integers(n))]);
  },
  pad: (graph, { inputs: [x], specs: [{ shape }], params: { before, after, interior } }) => {
    const pad = (y: string, left: readonly number[], right: readonly number[]): string =>
      graph.node('Pad', [y, graph.integers([...left, ...right])]);
    if (interior.every((n) => n === 0)) return pad(x, before, after);
    // Each element becomes a row of its own, padded to the distance of neighbours. The last row is cropped.
    const cells = graph.node('Reshape', [x, graph.integers(shape.flatMap((n) => [n, 1]))]);
    const none = shape.flatMap(() => [0, 0]);
    const spread = pad(
      cells,
      none,
      interior.flatMap((n) => [0, n]),
    );
    const sizes = shape.map((n, i) => n * (interior[i] + 1));
    const joined = graph.node('Reshape', [spread, graph.integers(sizes)]);
    return pad(
      joined,
      before,
      after.map((n, i) => n - interior[i]),
    );
  },
  concat: (graph, { inputs, params: { axis } }) => graph.node('Concat', inputs, { axis }),
};
