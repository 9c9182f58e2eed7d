// The sweep of reverse mode: walks the graph backwards and adds up the cotangents.

import { zeros, type Tensor } from '@tessera/tensor';
import { withScope } from '@tessera/tensor/extend';
import { gradientScope } from './graph/gradient-scope.ts';
import type { Graph, Node } from './graph/graph.ts';

let swept: Node | null = null;

/** The node whose cotangents the sweep pulls back now, the innermost of nested sweeps; `null` outside of all. */
export function sweptNode(): Node | null {
  return swept;
}

/**
 * The sweep of reverse-mode differentiation. It walks the graph from the last node to the first, passes the
 * cotangents of each node's outputs to its rule, and adds up the results for each input. An input that is
 * used twice gets the sum; an output that is never used counts as zeros.
 *
 * It is a loop, not a recursion, so only memory limits the depth of the graph. It runs in the current
 * interpreter, so an enclosing recording or compilation sees each of its steps, in the scope of the node with
 * a ∇ before its path.
 *
 * @param graph The recorded graph.
 * @param seeds Pairs of a tensor of the graph and its cotangent.
 * @param observe Called with each result and its cotangent when that is complete.
 * @returns The cotangents of the leaves, without those leaves that the seeds do not reach.
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
    cotangents.delete(y); // complete and not needed again, so its memory can be freed
    if (ȳ !== undefined) observe?.(y, ȳ);
    return ȳ ?? zeros(y.shape, y.dtype);
  };
  const pullBack = (node: Node): void => {
    const around = swept;
    swept = node;
    try {
      const thunks = node.rule.vjp(node.outputs.map(take), node);
      for (const [k, input] of node.inputs.entries()) {
        const thunk = thunks[k];
        if (thunk !== null && graph.dependents.has(input)) accumulate(input, thunk());
      }
    } finally {
      swept = around;
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
