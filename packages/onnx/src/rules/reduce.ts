// The rules of reductions.

import type { ReduceParams } from '@tessera/tensor/extend';
import { DATA_TYPES } from '../graph/element-type.ts';
import type { Graph } from '../graph/graph.ts';
import type { OnnxRule } from './rule.ts';

/** Rules of the reductions. */
export const reduce: { readonly [N in keyof ReduceParams]: OnnxRule<ReduceParams[N]> } = {
  sum: (graph, { inputs: [x], params: { axes } }) => fold(graph, 'ReduceSum', x, axes),
  /** Runtimes may skip NaN, so whether there is one is found out beside. */
  max: (graph, { inputs: [x], params: { axes }, result }) => {
    const largest = fold(graph, 'ReduceMax', x, axes);
    if (result.dtype !== 'float32') return largest;
    const marks = graph.node('Cast', [graph.node('IsNaN', [x])], { to: DATA_TYPES.int32 });
    const mark = fold(graph, 'ReduceMax', marks, axes);
    const hasNaN = graph.node('Cast', [mark], { to: DATA_TYPES.bool });
    return graph.node('Where', [hasNaN, graph.scalar('float32', NaN), largest]);
  },
};

/** Without axes every element is its own result; ONNX would fold all axes. */
function fold(graph: Graph, operator: string, x: string, axes: readonly number[]): string {
  return graph.node(operator, [x, graph.integers(axes)], { keepdims: 0, noop_with_empty_axes: 1 });
}
