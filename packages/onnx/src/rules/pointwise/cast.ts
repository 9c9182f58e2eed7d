// The rule of cast: float to int saturates, and NaN becomes 0, which ONNX leaves open.

import type { PointwiseParams } from '@tessera/tensor/extend';
import { DATA_TYPES } from '../../graph/element-type.ts';
import type { OnnxRule } from '../rule.ts';

const SMALLEST = -(2 ** 31);
const LARGEST = 2 ** 31 - 1;

/** x as another dtype. */
export const cast: OnnxRule<PointwiseParams['cast']> = (graph, { inputs: [x], specs, params }) => {
  const to = DATA_TYPES[params.dtype];
  if (specs[0].dtype !== 'float32' || params.dtype !== 'int32')
    return graph.node('Cast', [x], { to });
  // 2³¹ is a float32, the largest int32 is none. NaN compares false, so it is neither above nor inside.
  const isAbove = graph.node('GreaterOrEqual', [x, graph.scalar('float32', 2 ** 31)]);
  const isBelow = graph.node('Less', [x, graph.scalar('float32', SMALLEST)]);
  const isOut = graph.node('Or', [graph.node('Or', [isAbove, isBelow]), graph.node('IsNaN', [x])]);
  const inside = graph.node('Where', [isOut, graph.scalar('float32', 0), x]);
  const whole = graph.node('Cast', [inside], { to });
  const limited = graph.node('Where', [isAbove, graph.scalar('int32', LARGEST), whole]);
  return graph.node('Where', [isBelow, graph.scalar('int32', SMALLEST), limited]);
};
