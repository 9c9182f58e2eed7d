// Prints a recorded graph, one operation a line, with the formula of its gradient.

import { kindOf, formatSpec, ValueError, type Tensor } from '@tessera/tensor';
import { formatParams } from '@tessera/tensor/extend';
import {
  callTitle,
  checkFoldOptions,
  foldGraph,
  formatCall,
  type Call,
  type CallSummary,
  type FoldOptions,
  type Part,
} from './calls.ts';
import type { Graph, Node } from './graph.ts';
import { formatValues } from './values.ts';
import { cotangentFormula } from '../vjp/rule.ts';

/** The names under which a graph's tensors are printed: `in0 …` its leaves or their paths, `v0 …` its results. */
export type TensorNames = ReadonlyMap<Tensor, string>;

/** Columns that the leaves of a graph may fill before each has a line of its own. */
const WIDEST = 120;

/**
 * The graph as text, one node a line, in the style of a program's, with the calculus of its rule beside
 * it: `in` are the leaves, `v` the results; an operand without a gradient shows as its number or its
 * type, and its cotangent is left out of the formula. A leaf from inside a tree has its path as its name.
 * What a module does stands indented below its name; folded, a module is one line.
 *
 * @throws ValueError for options that name no module; StateError if values are asked for that are not
 * known, as while `compile` traces.
 * @example
 * const { graph } = record((x: Tensor) => x.sin().mul(2), tensor([1, 2]));
 * console.log(formatGraph(graph));
 * // graph(in0: float32[2])
 * //   v0: float32[2] = sin(in0)    y = sin x ⇒ x̄ = ȳ·cos x
 * //   v1: float32[2] = mul(v0, 2)  y = a·b ⇒ ā = ȳ·b
 *
 * const mlp = new Mlp(2, 8, { key: key(0) });
 * const whole = record((model: Mlp, x: Tensor) => model.forward(x), mlp, ones([1, 2])).graph;
 * console.log(formatGraph(whole, { depth: 1, open: ['fc2'] }));
 */
export function formatGraph(graph: Graph, options: FormatGraphOptions = {}): string {
  checkGraph('formatGraph', graph);
  checkFoldOptions('formatGraph', options, ['values']);
  const names = tensorNames(graph);
  const { parts, opened, hidden, summarize } = foldGraph('formatGraph', graph, options);
  const valuesOf = (outputs: readonly Tensor[]): string[] =>
    options.values === true ? [outputs.map(formatValues).join(', ')] : [];
  const rows: (readonly string[])[] = [];
  const write = (level: readonly Part[], indent: string): void => {
    for (const part of level) {
      if (part.kind === 'node') {
        const { node } = part;
        const formulas = `${node.rule.value} ⇒ ${gradientFormulas(node, graph).join(', ')}`;
        rows.push([indent + formatNode(node, names), ...valuesOf(node.outputs), formulas]);
      } else if (opened.has(part)) {
        rows.push([indent + callTitle(part)]);
        write(part.parts, `${indent}  `);
      } else {
        const summary = summarize(part);
        const line = `${indent}${formatFolded(part, summary, names)}`;
        rows.push([line, ...valuesOf(summary.outputs), formatCall(part, summary)]);
      }
    }
  };
  write(parts, '  ');
  return [formatLeaves(graph, hidden, names), ...alignColumns(rows)].join('\n');
}

/** Options of {@link formatGraph}. */
export interface FormatGraphOptions extends FoldOptions {
  /**
   * Whether each line shows what was computed: mean ± standard deviation, and the first elements. For
   * graphs that were recorded outside of `compile`. Default false.
   */
  readonly values?: boolean;
}

/** The leaves of a graph, one a line where they are many, and the number of those that are hidden. */
function formatLeaves({ leaves }: Graph, hidden: ReadonlySet<Tensor>, names: TensorNames): string {
  const shown = leaves.filter((leaf) => !hidden.has(leaf)).map((leaf) => declare(leaf, names));
  const rest = `${hidden.size} ${hidden.size === 1 ? 'parameter' : 'parameters'} of folded modules`;
  const items = [...shown, ...(hidden.size === 0 ? [] : [rest])];
  const line = `graph(${items.join(', ')})`;
  if (line.length <= WIDEST) return line;
  return ['graph(', ...items.map((item) => `    ${item}`), ')'].join('\n');
}

/** The formulas of the cotangents that a node sends on, each once. */
export function gradientFormulas({ inputs, rule }: Node, { dependents }: Graph): readonly string[] {
  const formulas = inputs.flatMap((input, i) =>
    dependents.has(input) ? (cotangentFormula(rule, i) ?? []) : [],
  );
  return [...new Set(formulas)];
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
export function tensorNames({ leaves, paths, nodes }: Graph): TensorNames {
  // The path inside its argument, if that is clear: no other leaf has it, and no result is called so.
  const inside = paths.map((path) => path.slice(path.indexOf('.') + 1));
  const names = new Map(
    leaves.map((leaf, i) => {
      if (!paths[i].includes('.')) return [leaf, `in${i}`];
      const isClear = inside.indexOf(inside[i]) === inside.lastIndexOf(inside[i]);
      return [leaf, isClear && !/^(?:in|v)?\d+$/.test(inside[i]) ? inside[i] : paths[i]];
    }),
  );
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
  const operands = inputs.map((input) => names.get(input) ?? describeOperand(input)).join(', ');
  return `${name}(${operands}) ${formatParams(params)}`.trimEnd();
}

/** A call of a module as one application: `v9: float32[2] = attn(v3: float32[2])`. */
function formatFolded(
  { scope }: Call,
  { inputs, outputs }: CallSummary,
  names: TensorNames,
): string {
  const list = (tensors: readonly Tensor[]): string =>
    tensors.map((tensor) => declare(tensor, names)).join(', ');
  return `${list(outputs)} = ${scope.name}(${list(inputs)})`;
}

/** A tensor's name and type: `v0: float32[2]`. */
export function declare(tensor: Tensor, names: TensorNames): string {
  return `${names.get(tensor)}: ${formatSpec(tensor)}`;
}

/** Rows of cells as lines, every column but the last as wide as its widest cell; a row of one cell is a title. */
export function alignColumns(rows: readonly (readonly string[])[]): readonly string[] {
  const widths: number[] = [];
  for (const row of rows) {
    if (row.length === 1) continue;
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, cell.length);
    });
  }
  return rows.map((row) =>
    row.map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i]))).join('  '),
  );
}

/** An operand without a gradient: its number, if it is one, or its type. */
export function describeOperand(operand: Tensor): string {
  const { value } = operand;
  return value.kind === 'uniform' ? String(value.value) : formatSpec(operand);
}
