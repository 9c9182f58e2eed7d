// Prints a recorded graph, one operation a line, with the formula of its gradient.

import { kindOf, formatSpec, ValueError, type Tensor } from '@tessera/tensor';
import { formatParams } from '@tessera/tensor/extend';
import type { Graph, Node } from './graph.ts';
import { cotangentFormula } from '../vjp/rule.ts';

/** The names under which a graph's tensors are printed: `in0 …` its leaves, `v0 …` its results. */
export type TensorNames = ReadonlyMap<Tensor, string>;

/**
 * The graph as text, one node a line, in the style of a program's, with the calculus of its rule beside
 * it: `in` are the leaves, `v` the results; an operand without a gradient shows as its number or its
 * type, and its cotangent is left out of the formula.
 *
 * @example
 * const { graph } = record((x: Tensor) => x.sin().mul(2), tensor([1, 2]));
 * console.log(formatGraph(graph));
 * // graph(in0: float32[2])
 * //   v0: float32[2] = sin(in0)    y = sin x ⇒ x̄ = ȳ·cos x
 * //   v1: float32[2] = mul(v0, 2)  y = a·b ⇒ ā = ȳ·b
 */
export function formatGraph(graph: Graph): string {
  checkGraph('formatGraph', graph);
  const names = tensorNames(graph);
  const lines = graph.nodes.map((node) => formatNode(node, names));
  const formulas = graph.nodes.map((node) => {
    const cotangents = node.inputs.flatMap((input, i) =>
      graph.dependents.has(input) ? (cotangentFormula(node.rule, i) ?? []) : [],
    );
    return `${node.rule.value} ⇒ ${[...new Set(cotangents)].join(', ')}`;
  });
  const leaves = graph.leaves.map((leaf) => declare(leaf, names)).join(', ');
  const table = alignColumns(lines.map((line, i) => [line, formulas[i]]));
  return [`graph(${leaves})`, ...table.map((line) => `  ${line}`)].join('\n');
}

/** Throws a ValueError unless `graph` is one that {@link record} made. */
export function checkGraph(op: string, graph: Graph): void {
  if (Array.isArray((graph as Graph | null | undefined)?.nodes)) return;
  throw new ValueError(
    op,
    `takes the graph of record(f, …), but got ${kindOf(graph)}. Write ${op}(record(f, x).graph).`,
  );
}

/** Names the leaves and results of a graph in order. */
export function tensorNames({ leaves, nodes }: Graph): TensorNames {
  const names = new Map(leaves.map((leaf, i) => [leaf, `in${i}`]));
  for (const output of nodes.flatMap(({ outputs }) => outputs)) {
    names.set(output, `v${names.size - leaves.length}`);
  }
  return names;
}

/** One node: `v1: float32[2] = mul(v0, 2)`. */
export function formatNode(node: Node, names: TensorNames): string {
  return `${node.outputs.map((output) => declare(output, names)).join(', ')} = ${formatApplication(node, names)}`;
}

/** What a node applies to what: `mul(v0, 2)`. */
export function formatApplication({ name, inputs, params }: Node, names: TensorNames): string {
  const operands = inputs.map((input) => names.get(input) ?? describe(input)).join(', ');
  return `${name}(${operands}) ${formatParams(params)}`.trimEnd();
}

/** A tensor's name and type: `v0: float32[2]`. */
export function declare(tensor: Tensor, names: TensorNames): string {
  return `${names.get(tensor)}: ${formatSpec(tensor)}`;
}

/** Rows of cells as lines, every column but the last as wide as its widest cell. */
export function alignColumns(rows: readonly (readonly string[])[]): readonly string[] {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, cell.length);
    });
  }
  return rows.map((row) =>
    row.map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i]))).join('  '),
  );
}

/** An operand without a gradient: its number, if it is one, or its type. */
function describe(operand: Tensor): string {
  const { value } = operand;
  return value.kind === 'uniform' ? String(value.value) : formatSpec(operand);
}
