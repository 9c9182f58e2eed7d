// The rules of the composites that ONNX has as operators of its own.

import type { CompositeParams } from '@tessera/tensor/extend';
import type { OnnxRule } from './rule.ts';

/**
 * Rules of the composites that stay one node. The others are exported as the primitives that define them:
 * attention becomes two products around a Softmax, since its operator is younger than most runtimes.
 */
export const composites: {
  readonly [N in 'softmax' | 'layerNorm']: OnnxRule<CompositeParams[N]>;
} = {
  softmax: (graph, { inputs, params: { axis } }) => graph.node('Softmax', inputs, { axis }),
  layerNorm: (graph, { inputs: [x], specs: [{ shape }], params: { eps } }) => {
    const [width] = shape.slice(-1);
    const scale = graph.node('Expand', [graph.scalar('float32', 1), graph.integers([width])]);
    return graph.node('LayerNormalization', [x, scale], { axis: -1, epsilon: { float: eps } });
  },
};
