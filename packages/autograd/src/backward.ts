// The sweep of reverse mode: walks the graph backwards and adds up the cotangents.

import { zeros, type Tensor } from '@tessera/tensor';
import { withScope } from '@tessera/tensor/extend';
import { gradientScope } from './graph/gradient-scope.ts';
import type { Graph, Node } from './graph/graph.ts';

/**
 * The sweep of reverse-mode differentiation: walks the graph from the last node to the first, hands
 * the cotangents of each node's outputs to its rule, and adds up what comes out for each input. An
 * input used twice receives the sum; an output that nothing used counts as zeros.
 *
 * It is a loop, not a recursion, so the depth of the graph is limited by memory only; and it runs in
 * the current interpreter, so an enclosing recording or compilation sees every step of it, in the scope
 * of the node with a ∇ before its path.
 *
 * @param graph What was recorded.
 * @param seeds Pairs of a tensor of the graph and its cotangent.
 * @param observe Is shown each result with its cotangent, once that is complete.
 * @returns The cotangents of the leaves; a leaf that the seeds do not reach is missing.
 * @example
 * const { value, graph, variables } = record((x: Tensor) => x.square(), tensor([1, 2, 3]));
 * const cotangents = backward(graph, [[value, ones([3])]]);
 * const [x] = variables;
 * console.log(x && cotangents.get(x)); // [2, 4, 6]
 */
export function backward(
  graph: Graph,
  seeds: Iterable<readonly [Tensor, Tensor]>,
  observe?: (y: Tensor, ȳ: Tensor) => void,
): ReadonlyMap<Tensor, Tensor> {
  const cotangents = new Map<Tensor, Tensor>();
  const accumulate = (x: Tensor, x̄: Tensor): void => {
    const sum = cotangents.get(x);
    cotangents.set(x, sum === undefined ? x̄ : sum.add(x̄));
  };
  const take = (y: Tensor): Tensor => {
    const ȳ = cotangents.get(y);
    cotangents.delete(y); // complete, and not needed again: its memory may go
    if (ȳ !== undefined) observe?.(y, ȳ);
    return ȳ ?? zeros(y.shape, y.dtype);
  };
  const pullBack = (node: Node): void => {
    const thunks = node.rule.vjp(node.outputs.map(take), node);
    for (const [k, input] of node.inputs.entries()) {
      const thunk = thunks[k];
      if (thunk !== null && graph.dependents.has(input)) accumulate(input, thunk());
    }
  };
  for (const [y, ȳ] of seeds) if (graph.dependents.has(y)) accumulate(y, ȳ);
  for (let i = graph.nodes.length - 1; i >= 0; i--) {
    const node = graph.nodes[i];
    if (!node.outputs.some((output) => cotangents.has(output))) continue;
    if (node.scope === null) pullBack(node);
    else withScope(gradientScope(node.scope), () => pullBack(node));
  }
  return cotangents;
}
