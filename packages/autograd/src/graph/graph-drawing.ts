// Draws a recorded graph: as boxes and edges, for Graphviz and for Mermaid.

import { formatSpec, type Tensor } from '@tessera/tensor';
import {
  callTitle,
  checkFoldOptions,
  foldGraph,
  formatCall,
  type FoldOptions,
  type Part,
} from './calls.ts';
import type { Graph, Node } from './graph.ts';
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
  const draw = (box: GraphBox, indent: string): readonly string[] =>
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
  const draw = (box: GraphBox, indent: string): readonly string[] => {
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

/** A box of a drawn graph: a leaf, a node, or a call of a module, which is folded or open. */
export type GraphBox = ClosedBox | OpenBox;

/** A leaf, a node, or a folded call with everything inside. */
export interface ClosedBox {
  readonly kind: 'leaf' | 'node' | 'folded';
  readonly id: string;
  /** The name of the result with what it comes from, its type, and what it computes. */
  readonly lines: readonly string[];
  /** What it gives to others, or what nothing reads. */
  readonly outputs: readonly Tensor[];
  /** The nodes inside, in order: none for a leaf, one for a node. */
  readonly nodes: readonly Node[];
  /** The path of the folded call, `DiT/blocks.0`; `null` for leaves and nodes. */
  readonly path: string | null;
}

/** An open call, that holds the boxes of what it made. */
export interface OpenBox {
  readonly kind: 'open';
  readonly id: string;
  /** Its name and the class of its module. */
  readonly lines: readonly string[];
  readonly path: string;
  readonly boxes: readonly GraphBox[];
}

/**
 * The arrow of an operand that carries a gradient: from the box that makes it to the box that reads it. It
 * has a formula if it leads into a node, and none if it leads into a folded call.
 */
export interface GraphEdge {
  readonly from: string;
  readonly to: string;
  readonly formula: string | null;
}

/** A graph as boxes and arrows, for whoever draws it. */
export interface GraphDrawing {
  readonly boxes: readonly GraphBox[];
  readonly edges: readonly GraphEdge[];
  /** The names of leaves and results, as in the text of {@link formatGraph}. */
  readonly names: ReadonlyMap<Tensor, string>;
}

/**
 * The graph as boxes and arrows, with the nodes and tensors that they stand for: what {@link graphToDot} and
 * {@link graphToMermaid} write out, for pages that draw it themselves.
 *
 * @throws ValueError for options that name no module.
 * @example
 * const { graph } = record((x: Tensor) => x.sin().sum(), tensor([1, 2]));
 * const { boxes, edges } = drawGraph(graph);
 * boxes.map(({ id }) => id); // ['in0', 'n0', 'n1']
 * edges[0]; // { from: 'in0', to: 'n0', formula: 'x̄ = ȳ·cos x' }
 */
export function drawGraph(graph: Graph, options: FoldOptions = {}): GraphDrawing {
  return drawing('drawGraph', graph, options);
}

/** The boxes and edges of a graph, the same for all who draw it. */
function drawing(op: string, graph: Graph, options: FoldOptions): GraphDrawing {
  checkGraph(op, graph);
  checkFoldOptions(op, options);
  const names = tensorNames(graph);
  const { parts, opened, hidden, summarize } = foldGraph(op, graph, options);
  const makers = new Map<Tensor, string>();
  const edges: GraphEdge[] = [];
  const connect = (input: Tensor, to: string, formula: string | null): void => {
    const from = makers.get(input);
    if (from !== undefined) edges.push({ from, to, formula });
  };
  const make = (outputs: readonly Tensor[], id: string): void => {
    for (const output of outputs) if (graph.dependents.has(output)) makers.set(output, id);
  };
  const leaves = graph.leaves.flatMap((leaf, i): GraphBox[] => {
    if (hidden.has(leaf)) return [];
    make([leaf], `in${i}`);
    const lines = [names.get(leaf) ?? '', formatSpec(leaf)];
    return [{ kind: 'leaf', id: `in${i}`, lines, outputs: [leaf], nodes: [], path: null }];
  });
  const draw = (part: Part): GraphBox => {
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
      return { kind: 'node', id, lines, outputs: node.outputs, nodes: [node], path: null };
    }
    // A call and a call inside it may begin with the same node, so the id has the depth as well.
    const { path } = part.scope;
    const id = `m${part.first}_${path.split('/').length}`;
    if (opened.has(part)) {
      return { kind: 'open', id, lines: [callTitle(part)], path, boxes: part.parts.map(draw) };
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
    const nodes = graph.nodes.slice(part.first, part.last + 1);
    return { kind: 'folded', id, lines, outputs: summary.outputs, nodes, path };
  };
  return { boxes: [...leaves, ...parts.map(draw)], edges, names };
}
