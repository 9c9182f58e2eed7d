// The rule of atan2, which ONNX lacks: the arc tangent of a / b, turned to the quadrant of the point.

import type { Graph } from '../../graph/graph.ts';
import type { OnnxRule } from '../rule.ts';

/** The angle of the point (b, a), seen from the origin, with the signs of zeros and infinities. */
export const atan2: OnnxRule = (graph, { inputs: [a, b] }) => {
  const zero = graph.scalar('float32', 0);
  const bothAre = (test: string): string => graph.node('And', [tested(test, a), tested(test, b)]);
  const tested = (test: string, x: string): string =>
    test === 'zero' ? graph.node('Equal', [x, zero]) : graph.node('IsInf', [x]);
  const sign = (x: string): string => graph.node('Sign', [x]);
  // 0 / 0 and ∞ / ∞ are NaN: of zeros the angle to the axis is a itself, of infinities it is that of ±1.
  const quotient = graph.node('Div', [a, b]);
  const diagonal = graph.node('Mul', [sign(a), sign(b)]);
  const finite = graph.node('Where', [bothAre('infinite'), diagonal, quotient]);
  const slope = graph.node('Where', [bothAre('zero'), a, finite]);
  const angle = graph.node('Atan', [slope]);
  const turn = graph.node('Where', [
    isNegative(graph, a),
    graph.scalar('float32', -Math.PI),
    graph.scalar('float32', Math.PI),
  ]);
  return graph.node('Where', [isNegative(graph, b), graph.node('Add', [angle, turn]), angle]);
};

/** Whether a number has a minus sign, as −0 has one: 1 / −0 is −∞. */
function isNegative(graph: Graph, x: string): string {
  const zero = graph.scalar('float32', 0);
  const isMinusZero = graph.node('And', [
    graph.node('Equal', [x, zero]),
    graph.node('Less', [graph.node('Reciprocal', [x]), zero]),
  ]);
  return graph.node('Or', [graph.node('Less', [x, zero]), isMinusZero]);
}
