// Draws a recorded graph for Graphviz and for Mermaid.

import { formatSpec, type Tensor } from '@tessera/tensor';
import {
  callTitle,
  checkFoldOptions,
  foldGraph,
  formatCall,
  type FoldOptions,
  type Part,
} from './calls.ts';
import type { Graph } from './graph.ts';
import { checkGraph, formatApplication, tensorNames } from './graph-text.ts';
import { cotangentFormula } from '../vjp/rule.ts';

/**
 * The graph in Graphviz's language. Each node is a box with its operation, its shapes and what it computes.
 * Each edge between nodes has the formula of the cotangent that flows back along it. An open module is a
 * frame around its nodes. A folded module is one box. The parameters that only folded modules read are left
 * out.
 *
 * @throws ValueError for options that name no module.
 * @example
 * const { graph } = record((x: Tensor) => x.sin().sum(), tensor([1, 2]));
 * console.log(graphToDot(graph)); // for `dot -Tsvg`
 */
export function graphToDot(graph: Graph, options: FoldOptions = {}): string {
  const { boxes, edges } = drawing('graphToDot', graph, options);
  const text = (lines: readonly string[]): string =>
    `"${lines.map((line) => line.replaceAll(/["\\]/g, (character) => `\\${character}`)).join('\\n')}"`;
  const shapes = { leaf: 'shape=ellipse, ', node: '', folded: 'shape=folder, ' } as const;
  const draw = (box: Box, indent: string): readonly string[] =>
    box.kind === 'open'
      ? [
          `${indent}subgraph cluster_${box.id} {`,
          `${indent}  label=${text(box.lines)}`,
          ...box.boxes.flatMap((inner) => draw(inner, `${indent}  `)),
          `${indent}}`,
        ]
      : [`${indent}${box.id} [${shapes[box.kind]}label=${text(box.lines)}]`];
  return [
    'digraph {',
    '  node [shape=box, style=rounded]',
    ...boxes.flatMap((box) => draw(box, '  ')),
    ...edges.map(({ from, to, formula }) => {
      const label = formula === null ? '' : ` [label=${text([formula])}]`;
      return `  ${from} -> ${to}${label}`;
    }),
    '}',
  ].join('\n');
}

/**
 * The graph as a Mermaid flowchart, which Markdown viewers draw. It shows the same as {@link graphToDot}.
 *
 * @throws ValueError for options that name no module.
 * @example
 * const { graph } = record((x: Tensor) => x.sin().sum(), tensor([1, 2]));
 * console.log(graphToMermaid(graph)); // for a fence of the language `mermaid`
 */
export function graphToMermaid(graph: Graph, options: FoldOptions = {}): string {
  const { boxes, edges } = drawing('graphToMermaid', graph, options);
  const text = (lines: readonly string[]): string =>
    `"${lines.map((line) => line.replaceAll(/["#<>&]/g, (character) => `#${character.charCodeAt(0)};`)).join('<br/>')}"`;
  const brackets = { leaf: ['([', '])'], node: ['[', ']'], folded: ['[[', ']]'] } as const;
  const draw = (box: Box, indent: string): readonly string[] => {
    if (box.kind === 'open') {
      return [
        `${indent}subgraph ${box.id}[${text(box.lines)}]`,
        ...box.boxes.flatMap((inner) => draw(inner, `${indent}  `)),
        `${indent}end`,
      ];
    }
    const [left, right] = brackets[box.kind];
    return [`${indent}${box.id}${left}${text(box.lines)}${right}`];
  };
  return [
    'flowchart TD',
    ...boxes.flatMap((box) => draw(box, '  ')),
    ...edges.map(({ from, to, formula }) => {
      const label = formula === null ? '' : `|${text([formula])}|`;
      return `  ${from} -->${label} ${to}`;
    }),
  ].join('\n');
}

/** The box of a leaf, a node or a call of a module. An open call holds the boxes of what it made. */
type Box =
  | {
      readonly kind: 'leaf' | 'node' | 'folded';
      readonly id: string;
      readonly lines: readonly string[];
    }
  | {
      readonly kind: 'open';
      readonly id: string;
      readonly lines: readonly string[];
      readonly boxes: readonly Box[];
    };

/**
 * The arrow of an operand that carries a gradient: from the box that makes it to the box that reads it. It
 * has a formula if it leads into a node, and none if it leads into a folded call.
 */
interface Edge {
  readonly from: string;
  readonly to: string;
  readonly formula: string | null;
}

/** The boxes and edges of a graph, the same for both languages. */
function drawing(
  op: string,
  graph: Graph,
  options: FoldOptions,
): { readonly boxes: readonly Box[]; readonly edges: readonly Edge[] } {
  checkGraph(op, graph);
  checkFoldOptions(op, options);
  const names = tensorNames(graph);
  const { parts, opened, hidden, summarize } = foldGraph(op, graph, options);
  const makers = new Map<Tensor, string>();
  const edges: Edge[] = [];
  const connect = (input: Tensor, to: string, formula: string | null): void => {
    const from = makers.get(input);
    if (from !== undefined) edges.push({ from, to, formula });
  };
  const make = (outputs: readonly Tensor[], id: string): void => {
    for (const output of outputs) if (graph.dependents.has(output)) makers.set(output, id);
  };
  const leaves = graph.leaves.flatMap((leaf, i): Box[] => {
    if (hidden.has(leaf)) return [];
    make([leaf], `in${i}`);
    return [{ kind: 'leaf', id: `in${i}`, lines: [names.get(leaf) ?? '', formatSpec(leaf)] }];
  });
  const draw = (part: Part): Box => {
    if (part.kind === 'node') {
      const { node, index } = part;
      const id = `n${index}`;
      node.inputs.forEach((input, k) => {
        const formula = cotangentFormula(node.rule, k);
        if (formula !== null) connect(input, id, formula);
      });
      make(node.outputs, id);
      const results = node.outputs.map((output) => names.get(output)).join(', ');
      const lines = [
        `${results} = ${formatApplication(node, names)}`,
        node.outputs.map(formatSpec).join(', '),
        node.rule.value,
      ];
      return { kind: 'node', id, lines };
    }
    // A call and a call inside it may begin with the same node, so the id has the depth as well.
    const id = `m${part.first}_${part.scope.path.split('/').length}`;
    if (opened.has(part)) {
      return { kind: 'open', id, lines: [callTitle(part)], boxes: part.parts.map(draw) };
    }
    const summary = summarize(part);
    for (const input of [...summary.inputs, ...summary.parameters]) connect(input, id, null);
    make(summary.outputs, id);
    const results = summary.outputs.map((output) => names.get(output)).join(', ');
    const operands = summary.inputs.map((input) => names.get(input)).join(', ');
    const lines = [
      `${results} = ${part.scope.name}(${operands})`,
      summary.outputs.map(formatSpec).join(', '),
      formatCall(part, summary),
    ];
    return { kind: 'folded', id, lines };
  };
  return { boxes: [...leaves, ...parts.map(draw)], edges };
}
