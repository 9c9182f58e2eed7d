// The rule of sorting: TopK of all elements is a stable order, and NaN is put behind the numbers.

import type { SortParams } from '@tessera/tensor/extend';
import { DATA_TYPES } from '../graph/element-type.ts';
import type { Graph } from '../graph/graph.ts';
import type { OnnxRule } from './rule.ts';

/** Rules of the primitive that sorts. */
export const sort: { readonly [N in keyof SortParams]: OnnxRule<SortParams[N]> } = {
  argsort: (graph, { inputs: [x], specs: [{ shape, dtype }], params: { descending } }) => {
    const order = (keys: string): string => stableOrder(graph, keys, shape, descending);
    const asInt = (y: string): string => graph.node('Cast', [y], { to: DATA_TYPES.int32 });
    if (dtype !== 'float32') return asInt(order(dtype === 'bool' ? asInt(x) : x));
    // First all numbers, with NaN as ∞. Then, among them, NaN is larger than what is none.
    const isNaN = graph.node('IsNaN', [x]);
    const numbers = graph.node('Where', [isNaN, graph.scalar('float32', Infinity), x]);
    const first = order(numbers);
    const marks = graph.node('GatherElements', [asInt(isNaN), first], { axis: shape.length - 1 });
    const second = order(marks);
    return asInt(graph.node('GatherElements', [first, second], { axis: shape.length - 1 }));
  },
};

/** The indices that sort the last axis; of equal elements the one with the smaller index comes first. */
function stableOrder(
  graph: Graph,
  keys: string,
  shape: readonly number[],
  descending: boolean,
): string {
  const count = graph.integers(shape.slice(-1));
  const attributes = { axis: -1, largest: descending ? 1 : 0, sorted: 1 };
  return graph.nodeOf(2, 'TopK', [keys, count], attributes)[1];
}
