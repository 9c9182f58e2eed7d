// Draws a recorded graph for Graphviz and for Mermaid.

import { formatSpec, type Tensor } from '@tessera/tensor';
import type { Graph } from './graph.ts';
import { checkGraph, formatApplication, tensorNames } from './graph-text.ts';
import { cotangentFormula } from '../vjp/rule.ts';

/**
 * The graph in Graphviz's language: a box for each node with its operation, its shapes and what it
 * computes; on each edge the formula of the cotangent that flows back along it.
 *
 * @example
 * const { graph } = record((x: Tensor) => x.sin().sum(), tensor([1, 2]));
 * console.log(graphToDot(graph)); // for `dot -Tsvg`
 */
export function graphToDot(graph: Graph): string {
  checkGraph('graphToDot', graph);
  const { boxes, edges } = drawing(graph);
  const text = (lines: readonly string[]): string =>
    `"${lines.map((line) => line.replaceAll(/["\\]/g, (character) => `\\${character}`)).join('\\n')}"`;
  return [
    'digraph {',
    '  node [shape=box, style=rounded]',
    ...boxes.map(({ id, isLeaf, lines }) => {
      const shape = isLeaf ? 'shape=ellipse, ' : '';
      return `  ${id} [${shape}label=${text(lines)}]`;
    }),
    ...edges.map(({ from, to, formula }) => `  ${from} -> ${to} [label=${text([formula])}]`),
    '}',
  ].join('\n');
}

/**
 * The graph as a Mermaid flowchart, which Markdown viewers draw: see {@link graphToDot} for what it shows.
 *
 * @example
 * const { graph } = record((x: Tensor) => x.sin().sum(), tensor([1, 2]));
 * console.log(graphToMermaid(graph)); // for a fence of the language `mermaid`
 */
export function graphToMermaid(graph: Graph): string {
  checkGraph('graphToMermaid', graph);
  const { boxes, edges } = drawing(graph);
  const text = (lines: readonly string[]): string =>
    `"${lines.map((line) => line.replaceAll(/["#<>&]/g, (character) => `#${character.charCodeAt(0)};`)).join('<br/>')}"`;
  return [
    'flowchart TD',
    ...boxes.map(({ id, isLeaf, lines }) =>
      isLeaf ? `  ${id}([${text(lines)}])` : `  ${id}[${text(lines)}]`,
    ),
    ...edges.map(({ from, to, formula }) => `  ${from} -->|${text([formula])}| ${to}`),
  ].join('\n');
}

/** A leaf or a node of the graph. */
interface Box {
  readonly id: string;
  readonly isLeaf: boolean;
  readonly lines: readonly string[];
}

/** An operand that carries a gradient, on its way into a node. */
interface Edge {
  readonly from: string;
  readonly to: string;
  readonly formula: string;
}

/** What both languages draw. */
function drawing(graph: Graph): {
  readonly boxes: readonly Box[];
  readonly edges: readonly Edge[];
} {
  const names = tensorNames(graph);
  const makers = new Map<Tensor, string>();
  const boxes: Box[] = [];
  const edges: Edge[] = [];
  graph.leaves.forEach((leaf, i) => {
    makers.set(leaf, `in${i}`);
    boxes.push({ id: `in${i}`, isLeaf: true, lines: [`in${i}`, formatSpec(leaf)] });
  });
  graph.nodes.forEach((node, i) => {
    const id = `n${i}`;
    const results = node.outputs.map((output) => names.get(output)).join(', ');
    boxes.push({
      id,
      isLeaf: false,
      lines: [
        `${results} = ${formatApplication(node, names)}`,
        node.outputs.map(formatSpec).join(', '),
        node.rule.value,
      ],
    });
    node.inputs.forEach((input, k) => {
      const from = makers.get(input);
      const formula = cotangentFormula(node.rule, k);
      if (from !== undefined && formula !== null) edges.push({ from, to: id, formula });
    });
    for (const output of node.outputs) if (graph.dependents.has(output)) makers.set(output, id);
  });
  return { boxes, edges };
}
