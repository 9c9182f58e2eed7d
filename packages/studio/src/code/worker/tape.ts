// The tape of a function: what it recorded, the cotangents of one sweep, and both as boxes for a page.

import { formatSpec, ones, tree, zeros, type Tensor } from '@tessera/tensor';
import {
  backward,
  cotangentFormula,
  drawGraph,
  record,
  vjp,
  type ClosedBox,
  type Graph,
  type GraphBox,
  type GraphDrawing,
  type Node,
} from '@tessera/autograd';
import type { BoxFacts, OperandFacts, TapeBox, TapeDrawing, TapeFrame } from '../code-messages.ts';
import type { Asked, Inspected } from './evaluate.ts';
import { numbersOf, previewOf } from './numbers.ts';

/** A function with its arguments: of order 1 the gradient of what was asked for, and so on. */
export function derivative({ f, args }: Asked, order: number): Asked {
  let derived: Inspected = f;
  for (let i = 0; i < order; i++) derived = gradientOf(derived);
  return { f: derived, args };
}

/** The gradient of the sum of the first result that has one, with respect to all arguments. */
function gradientOf(f: Inspected): Inspected {
  return (...args) => {
    const { value, pullback } = vjp(f, ...args);
    const first = firstOf(value);
    return pullback(
      tree.map(
        (leaf) => (leaf === first ? ones(leaf.shape) : zeros(leaf.shape, leaf.dtype)),
        value,
      ),
    );
  };
}

/** The first float32 tensor of a tree: the loss of `[loss, state]`. */
function firstOf(value: unknown): Tensor {
  const first = tree.leaves(value).find(({ dtype }) => dtype === 'float32');
  if (first === undefined) {
    throw new TypeError('look needs a function whose result has a float32 tensor in it.');
  }
  return first;
}

/** What a function did to its arguments, and what one sweep sends back. */
export class Tape {
  static readonly name: string = 'Tape';
  readonly graph: Graph;
  readonly #cotangents = new Map<Tensor, Tensor>();
  readonly #places: ReadonlyMap<Node, number>;
  readonly #firstReaders = new Map<Tensor, number>();
  readonly #paths: ReadonlySet<string>;
  #drawing: GraphDrawing;
  #boxes: ReadonlyMap<string, ClosedBox>;

  /** Runs the function, and sweeps back from ones at its first result. */
  constructor({ f, args }: Asked) {
    const { value, graph } = record(f, ...args);
    this.graph = graph;
    this.#places = new Map(graph.nodes.map((node, i) => [node, i]));
    graph.nodes.toReversed().forEach(({ inputs }, i) => {
      for (const input of inputs) this.#firstReaders.set(input, graph.nodes.length - 1 - i);
    });
    this.#paths = pathsOf(graph);
    const first = firstOf(value);
    const seed = ones(first.shape);
    const sums = backward(graph, [[first, seed]], (y, ȳ) => this.#cotangents.set(y, ȳ));
    for (const [leaf, sum] of sums) this.#cotangents.set(leaf, sum);
    this.#drawing = drawGraph(graph, { depth: 0 });
    this.#boxes = closedIn(this.#drawing.boxes);
  }

  /** What each node applies, in order. */
  titles(): string[] {
    const { boxes } = drawGraph(this.graph);
    return [...closedIn(boxes).values()]
      .filter(({ kind }) => kind === 'node')
      .map(({ lines: [title] }) => title);
  }

  /** Which nodes a cotangent reaches. */
  reached(): boolean[] {
    return this.graph.nodes.map(({ outputs }) => outputs.some((y) => this.#cotangents.has(y)));
  }

  /** The tape with the modules open that `open` names; paths of other functions are passed over. */
  draw(open: readonly string[]): TapeDrawing {
    const known = open.filter((path) => this.#paths.has(path));
    this.#drawing = drawGraph(this.graph, { depth: 0, open: known });
    this.#boxes = closedIn(this.#drawing.boxes);
    const edges = this.#drawing.edges.map(({ from, to }) => ({ from, to }));
    return { boxes: this.#drawing.boxes.map((box) => this.#box(box)), edges };
  }

  /** All about a box of the last drawing; `null` if it is not there. */
  facts(id: string): BoxFacts | null {
    const box = this.#boxes.get(id);
    if (box === undefined) return null;
    const { names } = this.#drawing;
    const node = box.kind === 'node' ? box.nodes[0] : null;
    return {
      id,
      title: box.lines[0],
      what: whatIs(box),
      rule: node?.rule.value ?? null,
      operands: node === null ? [] : this.#operands(node),
      results: box.outputs
        .filter((output) => names.has(output))
        .map((output) => ({
          name: names.get(output) ?? '',
          value: numbersOf(output),
          cotangent: this.#numbersBack(output),
        })),
      path: box.path ?? node?.scope?.path ?? null,
    };
  }

  #operands(node: Node): OperandFacts[] {
    const makers = new Map(
      [...this.#boxes.values()].flatMap(({ outputs, id }) => outputs.map((y) => [y, id] as const)),
    );
    return node.inputs.map((input, i) => {
      const { value } = input;
      const constant = value.kind === 'uniform' ? String(value.value) : formatSpec(input);
      const isDependent = this.graph.dependents.has(input);
      return {
        name: this.#drawing.names.get(input) ?? constant,
        box: makers.get(input) ?? null,
        formula: isDependent ? cotangentFormula(node.rule, i) : null,
      };
    });
  }

  #numbersBack(output: Tensor): BoxFacts['results'][number]['cotangent'] {
    const cotangent = this.#cotangents.get(output);
    return cotangent === undefined ? null : numbersOf(cotangent);
  }

  #box(box: GraphBox): TapeBox | TapeFrame {
    const { kind, id, lines, path } = box;
    if (kind === 'open') {
      return { kind, id, title: lines[0], path, boxes: box.boxes.map((inner) => this.#box(inner)) };
    }
    const [title, spec] = shortLines(box);
    const [output] = box.outputs as readonly (Tensor | undefined)[];
    const cotangent = output === undefined ? undefined : this.#cotangents.get(output);
    const places = box.nodes.map((node) => this.#places.get(node) ?? 0);
    const reader = (output === undefined ? undefined : this.#firstReaders.get(output)) ?? 0;
    return {
      kind,
      id,
      title,
      spec,
      value: output === undefined ? '' : previewOf(output),
      cotangent: cotangent === undefined ? null : previewOf(cotangent),
      path,
      first: places.at(0) ?? reader,
      last: places.at(-1) ?? reader,
    };
  }
}

/** What a box says of its results, which a folded module may have many of. */
function shortLines({ kind, lines, outputs }: ClosedBox): readonly [title: string, spec: string] {
  const [title, spec = ''] = lines;
  if (kind !== 'folded' || outputs.length <= 2) return [title, spec];
  const call = title.slice(title.indexOf(' = '));
  return [`${outputs.length} results${call}`, `${formatSpec(outputs[0])}, …`];
}

/** The closed boxes at all levels, by id. */
function closedIn(boxes: readonly GraphBox[]): ReadonlyMap<string, ClosedBox> {
  const closed = new Map<string, ClosedBox>();
  const visit = (level: readonly GraphBox[]): void => {
    for (const box of level) {
      if (box.kind === 'open') visit(box.boxes);
      else closed.set(box.id, box);
    }
  };
  visit(boxes);
  return closed;
}

/** The paths of all calls of modules. */
function pathsOf({ nodes }: Graph): ReadonlySet<string> {
  const paths = new Set<string>();
  for (const { scope } of nodes) {
    for (let at = scope; at !== null; at = at.outer) paths.add(at.path);
  }
  return paths;
}

function whatIs({ kind, lines }: ClosedBox): string {
  if (kind === 'leaf') return 'An input: a leaf of the tape';
  return kind === 'node' ? 'An operation' : lines[2];
}
