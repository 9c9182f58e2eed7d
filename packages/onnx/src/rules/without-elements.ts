// Tensors without elements, which operators of ONNX take in different ways: they are kept out of the graph.

import type { TensorSpec } from '@tessera/tensor/extend';
import type { Graph } from '../graph/graph.ts';
import type { Application } from './rule.ts';

/**
 * The result of an instruction whose result or some of whose operands have no elements; `null` if all have
 * some. A result without elements is a constant. With empty operands, concat joins the others, and sums are 0.
 */
export function withoutElements(
  graph: Graph,
  name: string,
  { inputs, specs, params, result }: Application,
): string | null {
  if (isEmpty(result)) return graph.constant(result.dtype, result.shape, []);
  const filled = inputs.filter((_, i) => !isEmpty(specs[i]));
  if (filled.length === inputs.length) return null;
  if (filled.length === 0 || name !== 'concat') return zeros(graph, result);
  return graph.node('Concat', filled, { axis: Number(params['axis']) });
}

/** A tensor of zeros, which takes no space in the model. */
export function zeros(graph: Graph, { dtype, shape }: TensorSpec): string {
  const zero = graph.scalar(dtype, 0);
  return shape.length === 0 ? zero : graph.node('Expand', [zero, graph.integers(shape)]);
}

function isEmpty({ shape }: TensorSpec): boolean {
  return shape.includes(0);
}
