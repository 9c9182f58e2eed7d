// The rules of indexed reads and writes.

import type { GatherParams } from '@tessera/tensor/extend';
import type { OnnxRule } from './rule.ts';
import { zeros } from './without-elements.ts';

/** Rules of gather and scatterAdd. Negative indices, an error here, count from the end in ONNX. */
export const gather: { readonly [N in keyof GatherParams]: OnnxRule<GatherParams[N]> } = {
  gather: (graph, { inputs, params: { axis } }) => graph.node('GatherElements', inputs, { axis }),
  scatterAdd: (graph, { inputs, params: { axis }, result }) =>
    graph.node('ScatterElements', [zeros(graph, result), ...inputs], { axis, reduction: 'add' }),
};
