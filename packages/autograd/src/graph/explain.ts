// explain: writes out the chain rule from a loss back to one parameter.

import {
  checkFunction,
  checkList,
  checkOptions,
  ones,
  ValueError,
  type Tensor,
} from '@tessera/tensor';
import { backward } from '../backward.ts';
import { checkLoss } from '../grad.ts';
import { record, type Graph, type Node } from './graph.ts';
import { alignColumns, declare, formatNode, tensorNames } from './graph-text.ts';
import { namedLeaves } from '../leaves.ts';
import { cotangentFormula } from '../vjp/rule.ts';

/** Options of {@link explain}. */
export interface ExplainOptions {
  /** Path of the parameter in the list of inputs: `0.blocks.3.weight`. Default: the first that is trained. */
  readonly path?: string;
}

/**
 * Writes out the chain rule from a loss back to one parameter. Every operation between the two is a line, and
 * the loss comes first. A line has the Euclidean norm of the cotangent that arrives at the result of the
 * operation, the operation with its shapes, and the formulas that pull the cotangent back towards the
 * parameter. Cotangents that arrive on several ways are summed. If gradients vanish or explode, the norms
 * show at which operation.
 *
 * @param f A synchronous function of trees to a float32 scalar.
 * @param inputs Its arguments.
 * @throws ValueError if no trained parameter has that path; as `grad` if f does not give a loss.
 * @example
 * const loss = (w: Tensor, x: Tensor) => x.matmul(w).square().sum();
 * console.log(await explain(loss, [ones([2, 1]), ones([3, 2])]));
 * // from the loss v2 back to in0, input 0: 3 operations
 * //   ‖ȳ‖    y                                         pulls back
 * //   1      v2: float32[] = sum(v1) { axes: [0, 1] }  v1: x̄ᵢ = ȳ
 * //   1.732  v1: float32[3, 1] = mul(v0, v0)           v0: ā = ȳ·b; v0: b̄ = ȳ·a
 * //   6.928  v0: float32[3, 1] = matmul(in1, in0)      in0: b̄ = aᵀ ȳ
 * //   16.97  in0: float32[2, 1]
 */
export async function explain<P extends readonly unknown[]>(
  f: (...inputs: P) => Tensor,
  inputs: P,
  options: ExplainOptions = {},
): Promise<string> {
  checkFunction('explain', f);
  checkList('explain', 'the inputs', inputs, 'explain(f, [x])');
  checkOptions('explain', options, ['path']);
  const { value: loss, graph } = record(f, ...inputs);
  checkLoss('explain', loss);
  const { path, leaf } = chosenLeaf(inputs, graph, options.path);
  const names = tensorNames(graph);
  const arrived = new Map<Tensor, Tensor>();
  const sums = backward(graph, [[loss, ones([])]], (y, ȳ) => arrived.set(y, ȳ));
  const size = async (y: Tensor): Promise<string> => norm(arrived.get(y) ?? sums.get(y));
  const nodes = nodesBetween(graph, leaf, loss);
  const rows = await Promise.all(
    nodes.map(async ({ node, towards }) => {
      const sizes = await Promise.all(node.outputs.map(size));
      const formulas = towards.map(
        (i) => `${names.get(node.inputs[i])}: ${cotangentFormula(node.rule, i)}`,
      );
      return [sizes.join(', '), formatNode(node, names), formulas.join('; ')];
    }),
  );
  const target = `${names.get(leaf)}, input ${path}`;
  if (loss !== leaf && rows.length === 0) return `the loss does not depend on ${target}`;
  const last = [await size(leaf), declare(leaf, names)];
  const count = `${rows.length} ${rows.length === 1 ? 'operation' : 'operations'}`;
  return [
    `from the loss ${names.get(loss)} back to ${target}: ${count}`,
    ...alignColumns([['‖ȳ‖', 'y', 'pulls back'], ...rows, last]).map((line) => `  ${line}`),
  ].join('\n');
}

/** The leaf of the graph at `path`, by default the first. */
function chosenLeaf(
  inputs: readonly unknown[],
  { leaves }: Graph,
  path?: string,
): { readonly path: string; readonly leaf: Tensor } {
  const paths = namedLeaves(inputs).flatMap((leaf) => (leaf.trainable ? [leaf.path] : []));
  const index = path === undefined ? 0 : paths.indexOf(path);
  if (index in paths) return { path: paths[index], leaf: leaves[index] };
  const known =
    paths.length === 0 ? 'No input is trained.' : `The trained parameters are ${paths.join(', ')}.`;
  throw new ValueError('explain', `no trained parameter at ${path ?? 'any path'}. ${known}`);
}

/**
 * The nodes on the ways from `leaf` to `loss`, the last one first. `towards` are the positions of those
 * inputs of a node that lead back to the leaf.
 */
function nodesBetween(
  { nodes }: Graph,
  leaf: Tensor,
  loss: Tensor,
): { readonly node: Node; readonly towards: readonly number[] }[] {
  const fromLeaf = new Set([leaf]);
  for (const { inputs, outputs } of nodes) {
    if (inputs.some((input) => fromLeaf.has(input))) {
      for (const output of outputs) fromLeaf.add(output);
    }
  }
  const toLoss = new Set([loss]);
  return nodes.toReversed().flatMap((node) => {
    const towards = node.inputs.flatMap((input, i) =>
      fromLeaf.has(input) && cotangentFormula(node.rule, i) !== null ? [i] : [],
    );
    if (towards.length === 0 || !node.outputs.some((output) => toLoss.has(output))) return [];
    for (const i of towards) toLoss.add(node.inputs[i]);
    return [{ node, towards }];
  });
}

/** The Euclidean norm to four digits; 0 where no cotangent arrived. */
async function norm(x̄: Tensor | undefined): Promise<string> {
  if (x̄ === undefined) return '0';
  const squares = Float64Array.from(await x̄.data(), (element) => element * element);
  return String(Number(Math.sqrt(squares.reduce((sum, square) => sum + square, 0)).toPrecision(4)));
}
