// showGraph: a function’s graph as one HTML page whose modules fold.

import { checkFunction, checkList, formatSpec, type Tensor } from '@tessera/tensor';
import { formatParams } from '@tessera/tensor/extend';
import {
  checkFoldOptions,
  counted,
  foldGraph,
  formatCall,
  type Call,
  type FoldedGraph,
  type FoldOptions,
  type Part,
} from './calls.ts';
import { record, type Graph } from './graph.ts';
import { describeOperand, gradientFormulas, tensorNames, type TensorNames } from './graph-text.ts';
import { PAGE_SCRIPT, PAGE_STYLE } from './page-style.ts';
import { formatValues } from './values.ts';

/** Options of {@link showGraph}. */
export interface ShowGraphOptions extends FoldOptions {
  /** How many levels of modules are open at first; the reader opens and folds them. Default 1. */
  readonly depth?: number;
  /** Whether each line shows mean ± standard deviation and the first elements of its result. Default false. */
  readonly values?: boolean;
  /** What the page is called. Default: the name of the function. */
  readonly title?: string;
}

/**
 * The graph of a function as a page for a browser: one HTML file that needs nothing else. Modules fold and
 * unfold. Every operation is a line with its result and the shape, what it computes, and the formulas of its
 * cotangents. Names are links. While the pointer is on a line, two kinds of lines light up: those whose
 * results it reads, and those that read its result.
 *
 * @param f A synchronous function of trees to a tree.
 * @param args Its arguments, in a list.
 * @returns The text of the file.
 * @throws StateError if `f` is asynchronous or a generator, or values are asked for that are not known;
 * ValueError for options that name no module.
 * @example
 * const mlp = new Mlp(4, 8, { key: key(0) });
 * const page = showGraph((model: Mlp, x: Tensor) => model.forward(x), [mlp, ones([2, 4])]);
 * page.slice(0, 15); // '<!doctype html>'
 */
export function showGraph<P extends readonly unknown[]>(
  f: (...args: P) => unknown,
  args: P,
  options: ShowGraphOptions = {},
): string {
  checkFunction('showGraph', f);
  checkList('showGraph', 'the arguments', args, 'showGraph(f, [x])');
  checkFoldOptions('showGraph', options, ['values', 'title']);
  const { depth = 1, values = false, title = f.name === '' ? 'Graph' : f.name } = options;
  const { graph } = record<P, unknown>(f, ...args);
  const folded = foldGraph('showGraph', graph, { ...options, depth });
  const page = new Page(graph, folded, values);
  const operations = counted(graph.nodes.length, 'operation');
  const tensors = counted(graph.leaves.length, 'differentiated tensor');
  return [
    '<!doctype html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    `<title>${escape(title)}</title>`,
    `<style>${PAGE_STYLE}</style>`,
    '</head>',
    '<body>',
    `<header><h1>${escape(title)}</h1>`,
    `<p>${operations} on the way from ${tensors}</p>`,
    '<p><button id="open">Open all</button> <button id="fold">Fold all</button></p></header>',
    '<main>',
    page.leaves(),
    ...folded.parts.map((part) => page.part(part)),
    '</main>',
    `<script>${PAGE_SCRIPT}</script>`,
    '</body>',
    '</html>',
    '',
  ].join('\n');
}

/** Writes the parts of a graph in HTML. */
class Page {
  readonly #graph: Graph;
  readonly #folded: FoldedGraph;
  readonly #values: boolean;
  readonly #names: TensorNames;

  constructor(graph: Graph, folded: FoldedGraph, values: boolean) {
    this.#graph = graph;
    this.#folded = folded;
    this.#values = values;
    this.#names = tensorNames(graph);
  }

  /** The tensors that the graph starts from. A long list of them is folded at first. */
  leaves(): string {
    const rows = this.#graph.leaves.map((leaf) => `<div class="op">${this.#result(leaf)}</div>`);
    const isOpen = rows.length <= 8 ? ' open' : '';
    const title = '<span class="name">arguments</span>';
    const asked = `${counted(rows.length, 'tensor')} that the gradient is asked for`;
    const count = `<span class="note">${asked}</span>`;
    return `<details class="leaves"${isOpen}><summary>${title} ${count}</summary>\n${rows.join('\n')}\n</details>`;
  }

  part(part: Part): string {
    return part.kind === 'call' ? this.#call(part) : this.#node(part);
  }

  #call(call: Call): string {
    const summary = this.#folded.summarize(call);
    const list = (tensors: readonly Tensor[]): string =>
      tensors.map((tensor) => `${this.#link(tensor)} ${spec(tensor)}`).join(', ');
    const flow = `${list(summary.inputs) || '()'} → ${list(summary.outputs)}`;
    return [
      `<details class="call" data-path="${escape(call.scope.path)}"${this.#folded.opened.has(call) ? ' open' : ''}>`,
      `<summary><span class="name">${escape(call.scope.name)}</span>`,
      `<span class="note">${escape(formatCall(call, summary))}</span>`,
      `<span class="flow">${flow}</span></summary>`,
      ...call.parts.map((part) => this.part(part)),
      '</details>',
    ].join('\n');
  }

  #node({ node }: Extract<Part, { kind: 'node' }>): string {
    const operands = node.inputs.map((input) =>
      this.#names.has(input) ? this.#link(input) : `<i>${escape(describeOperand(input))}</i>`,
    );
    const params = formatParams(node.params);
    const gradients = gradientFormulas(node, this.#graph).map(escape);
    const reads = node.inputs.flatMap((input) => this.#names.get(input) ?? []).map(escape);
    return [
      `<div class="op" data-reads="${reads.join(' ')}">`,
      node.outputs.map((output) => this.#result(output)).join(', '),
      `<span class="what">${escape(node.name)}(${operands.join(', ')})</span>`,
      params === '' ? '' : `<span class="note">${escape(params)}</span>`,
      `<span class="math">${escape(node.rule.value)}</span>`,
      `<span class="math back">${gradients.join(', ')}</span>`,
      '</div>',
    ].join('\n');
  }

  /** What a line defines: the name, the shape and, if they are asked for, the values of a tensor. */
  #result(tensor: Tensor): string {
    const name = escape(this.#names.get(tensor) ?? '');
    const values = this.#values
      ? ` <span class="values">${escape(formatValues(tensor))}</span>`
      : '';
    return `<span class="result"><b id="${name}">${name}</b> ${spec(tensor)}${values}</span>`;
  }

  #link(tensor: Tensor): string {
    const name = escape(this.#names.get(tensor) ?? '');
    return `<a href="#${name}">${name}</a>`;
  }
}

function spec(tensor: Tensor): string {
  return `<span class="spec">${escape(formatSpec(tensor))}</span>`;
}

/** Writes a text so that it can stand in elements and in quoted attributes of HTML. */
function escape(text: string): string {
  return text.replaceAll(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
