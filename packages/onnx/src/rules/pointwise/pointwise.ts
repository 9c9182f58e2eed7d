// The rules of pointwise primitives. Where ONNX says less than Tessera, nodes around it say the rest.

import type { PointwiseParams } from '@tessera/tensor/extend';
import type { Graph } from '../../graph/graph.ts';
import { atan2 } from './atan2.ts';
import { cast } from './cast.ts';
import { mod } from './mod.ts';
import { sameAs, type OnnxRule } from '../rule.ts';

/** Rules of the pointwise primitives. */
export const pointwise: { readonly [N in keyof PointwiseParams]: OnnxRule<PointwiseParams[N]> } = {
  neg: sameAs('Neg'),
  exp: sameAs('Exp'),
  log: sameAs('Log'),
  sqrt: sameAs('Sqrt'),
  sin: sameAs('Sin'),
  cos: sameAs('Cos'),
  tanh: sameAs('Tanh'),
  sigmoid: sameAs('Sigmoid'),
  erf: sameAs('Erf'),
  floor: sameAs('Floor'),
  round: sameAs('Round'),
  add: sameAs('Add'),
  sub: sameAs('Sub'),
  /** For bools the logical and. */
  mul: unlessBool('Mul', (graph, a, b) => graph.node('And', [a, b])),
  div: sameAs('Div'),
  pow: sameAs('Pow'),
  mod,
  atan2,
  /** For bools the logical or. */
  maximum: unlessBool('Max', (graph, a, b) => graph.node('Or', [a, b])),
  /** For bools: not a, but b. */
  less: unlessBool('Less', (graph, a, b) => graph.node('And', [graph.node('Not', [a]), b])),
  /** For bools: b, or not a. */
  lessEqual: unlessBool('LessOrEqual', (graph, a, b) =>
    graph.node('Or', [graph.node('Not', [a]), b]),
  ),
  equal: sameAs('Equal'),
  where: (graph, { inputs: [condition, a, b], result }) => {
    if (result.dtype !== 'bool') return graph.node('Where', [condition, a, b]);
    const otherwise = graph.node('And', [graph.node('Not', [condition]), b]);
    return graph.node('Or', [graph.node('And', [condition, a]), otherwise]);
  },
  cast,
};

/** An operator for numbers, and nodes with the same meaning for bools, which it does not take. */
function unlessBool(
  operator: string,
  ofBools: (graph: Graph, a: string, b: string) => string,
): OnnxRule {
  return (graph, { inputs: [a, b], specs }) =>
    specs[0].dtype === 'bool' ? ofBools(graph, a, b) : graph.node(operator, [a, b]);
}
