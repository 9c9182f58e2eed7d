// Groups the nodes of a graph by the modules that made them, open or folded.

import { checkOptions, kindOf, ValueError, type Tensor } from '@tessera/tensor';
import type { Scope } from '@tessera/tensor/extend';
import type { Graph, Node } from './graph.ts';

/** Which calls of modules are shown with what happens inside. */
export interface FoldOptions {
  /**
   * How many levels of modules are open: 0 shows each model as one node, 1 its parts as one node each.
   * Default: all.
   */
  readonly depth?: number;
  /**
   * Paths of further modules that are open, with everything around them: `DiT/blocks.0`, or the end of
   * it, `blocks.0`. Default none.
   */
  readonly open?: readonly string[];
}

/** A node of a graph in its place. */
export interface PlacedNode {
  readonly kind: 'node';
  readonly node: Node;
  /** Among the nodes of the graph. */
  readonly index: number;
}

/** One call of a module: the nodes that it made, and the calls inside it. */
export interface Call {
  readonly kind: 'call';
  readonly scope: Scope;
  readonly parts: Part[];
  /** The place of its first node, and of its last one. */
  readonly first: number;
  last: number;
}

/** A line of a graph at one level: a node, or a call with everything inside. */
export type Part = PlacedNode | Call;

/** The nodes of a graph, in order, by the calls that they were made in. */
function partsOf({ nodes }: Pick<Graph, 'nodes'>): readonly Part[] {
  const parts: Part[] = [];
  const under: Call[] = []; // the calls that the last node was made in, the outermost first
  nodes.forEach((node, index) => {
    const scopes = chainOf(node.scope);
    const common = under.findIndex(({ scope }, i) => scope !== scopes[i]);
    if (common >= 0) under.length = common;
    for (const scope of scopes.slice(under.length)) {
      const call: Call = { kind: 'call', scope, parts: [], first: index, last: index };
      (under.at(-1)?.parts ?? parts).push(call);
      under.push(call);
    }
    for (const call of under) call.last = index;
    (under.at(-1)?.parts ?? parts).push({ kind: 'node', node, index });
  });
  return parts;
}

/** A scope and those around it, the outermost first. */
function chainOf(scope: Scope | null): readonly Scope[] {
  const chain: Scope[] = [];
  for (let at = scope; at !== null; at = at.outer) chain.push(at);
  return chain.reverse();
}

/** All calls among some parts and inside them. */
function callsIn(parts: readonly Part[]): readonly Call[] {
  return parts.flatMap((part) => (part.kind === 'call' ? [part, ...callsIn(part.parts)] : []));
}

/**
 * The calls that options say to open.
 *
 * @throws ValueError if the depth is no whole number of at least 0, or a path names no call.
 */
function openCalls(
  op: string,
  parts: readonly Part[],
  { depth = Infinity, open = [] }: FoldOptions,
): ReadonlySet<Call> {
  if (!(depth >= 0 && (depth === Infinity || Number.isInteger(depth)))) {
    throw new ValueError(op, `depth is ${String(depth)}, but must be a whole number, 0 or more.`);
  }
  const chosen = chosenCalls(op, parts, open);
  const opened = new Set<Call>();
  const visit = (level: readonly Part[], at: number): boolean =>
    level
      .filter((part) => part.kind === 'call')
      .map((call) => {
        const isAround = visit(call.parts, at + 1);
        const isOpen = at < depth || isAround || chosen.has(call);
        if (isOpen) opened.add(call);
        return isAround || chosen.has(call);
      })
      .includes(true);
  visit(parts, 0);
  return opened;
}

/** The calls with these paths, or paths that end so. */
function chosenCalls(
  op: string,
  parts: readonly Part[],
  paths: readonly string[],
): ReadonlySet<Call> {
  if (!Array.isArray(paths) || paths.some((path) => typeof path !== 'string')) {
    throw new ValueError(op, `open must be a list of paths, but is ${kindOf(paths)}.`);
  }
  const calls = callsIn(parts);
  return new Set(
    paths.flatMap((path: string) => {
      const named = calls.filter(({ scope }) => `/${scope.path}`.endsWith(`/${path}`));
      if (named.length > 0) return named;
      const known = [...new Set(calls.map(({ scope }) => scope.path))];
      const hint = known.length === 0 ? 'No module was called.' : `There are ${known.join(', ')}.`;
      throw new ValueError(op, `no module at '${path}'. ${hint}`);
    }),
  );
}

/** The names of the options that {@link openCalls} reads, checked with `others`. */
export function checkFoldOptions(
  op: string,
  options: FoldOptions,
  others: readonly string[] = [],
): void {
  checkOptions(op, options, ['depth', 'open', ...others] as (keyof FoldOptions)[]);
}

/** A graph of which some calls are folded, as its text and its drawing show it. */
export interface FoldedGraph {
  readonly parts: readonly Part[];
  readonly opened: ReadonlySet<Call>;
  /** The leaves that only folded calls read, see {@link hiddenParameters}. */
  readonly hidden: ReadonlySet<Tensor>;
  readonly summarize: (call: Call) => CallSummary;
}

/** Folds a graph. Throws a ValueError for options that name no module. */
export function foldGraph(op: string, graph: Graph, options: FoldOptions): FoldedGraph {
  const parts = partsOf(graph);
  const opened = openCalls(op, parts, options);
  const hidden = hiddenParameters(graph, parts, opened);
  return { parts, opened, hidden, summarize: callSummaries(graph) };
}

/** What a call takes and gives, seen from outside. */
export interface CallSummary {
  /** What it reads of the graph, parameters apart. */
  readonly inputs: readonly Tensor[];
  /** The leaves from inside a tree that it reads: the parameters of a model. */
  readonly parameters: readonly Tensor[];
  /** What it computes that others read, or that nothing reads. */
  readonly outputs: readonly Tensor[];
  /** How many nodes it made. */
  readonly operations: number;
}

/** Sums up the calls of a graph. */
function callSummaries(graph: Graph): (call: Call) => CallSummary {
  const { nodes, leaves, paths, dependents } = graph;
  const lastReader = new Map<Tensor, number>();
  nodes.forEach(({ inputs }, i) => {
    for (const input of inputs) lastReader.set(input, i);
  });
  const inTree = new Set(leaves.filter((_, i) => paths[i].includes('.')));
  return ({ first, last }) => {
    const inside = nodes.slice(first, last + 1);
    const made = new Set(inside.flatMap(({ outputs }) => outputs));
    const read = new Set(inside.flatMap(({ inputs }) => inputs));
    const outer = [...read].filter((input) => dependents.has(input) && !made.has(input));
    return {
      inputs: outer.filter((input) => !inTree.has(input)),
      parameters: outer.filter((input) => inTree.has(input)),
      outputs: [...made].filter((output) => {
        const reader = lastReader.get(output);
        return dependents.has(output) && (reader === undefined || reader > last);
      }),
      operations: inside.length,
    };
  };
}

/** The leaves from inside a tree that nothing outside of folded calls reads. */
function hiddenParameters(
  { leaves, paths }: Graph,
  parts: readonly Part[],
  opened: ReadonlySet<Call>,
): ReadonlySet<Tensor> {
  const shown = new Set<Tensor>();
  const hidden = new Set<Tensor>();
  const visit = (level: readonly Part[], isShown: boolean): void => {
    for (const part of level) {
      if (part.kind === 'call') visit(part.parts, isShown && opened.has(part));
      else for (const input of part.node.inputs) (isShown ? shown : hidden).add(input);
    }
  };
  visit(parts, true);
  return new Set(
    leaves.filter((leaf, i) => paths[i].includes('.') && hidden.has(leaf) && !shown.has(leaf)),
  );
}

/** A number with its noun: `1 operation`, `9 operations`. */
export function counted(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`;
}

/** `SelfAttention: 9 operations, 4 parameters` */
export function formatCall({ scope }: Call, { operations, parameters }: CallSummary): string {
  const own = parameters.length === 0 ? '' : `, ${counted(parameters.length, 'parameter')}`;
  return `${scope.type}: ${counted(operations, 'operation')}${own}`;
}

/** What stands over the inside of an open call: `attn: SelfAttention`. */
export function callTitle({ scope: { name, type } }: Call): string {
  return name === type ? name : `${name}: ${type}`;
}
