// What a rule is: how one instruction of a program becomes nodes of an ONNX graph.

import type { Params, TensorSpec } from '@tessera/tensor/extend';
import type { Graph } from '../graph/graph.ts';

/** One instruction, with the names that its operands have in the graph. */
export interface Application<P extends Params = Params> {
  /** The names of the operands. */
  readonly inputs: readonly string[];
  /** Shapes and dtypes of the operands. */
  readonly specs: readonly TensorSpec[];
  readonly params: P;
  /** Shape and dtype of the result. */
  readonly result: TensorSpec;
}

/**
 * Appends the nodes that compute an instruction, and returns the name of its result. Neither the result nor
 * any operand is empty: {@link withoutElements} takes care of that before.
 */
export type OnnxRule<P extends Params = Params> = (
  graph: Graph,
  application: Application<P>,
) => string;

/** The rule of an instruction that is one operator with the same operands. */
export function sameAs(operator: string): OnnxRule {
  return (graph, { inputs }) => graph.node(operator, inputs);
}
