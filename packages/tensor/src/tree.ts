import { StateError } from './errors.ts';
import { Tensor } from './tensor.ts';

/**
 * Base of classes whose fields are part of a tree: a model is its own parameter tree. Trees are
 * tensors (the leaves), arrays, plain objects and instances of `TreeNode`; everything else in them
 * (numbers, strings, functions, null, maps) is structure and stays as it is. Copies are made field by
 * field without the constructor, so a class that extends it must not have `#private` fields.
 *
 * @example
 * class Scale extends TreeNode {
 *   readonly factor: Tensor;
 *   constructor(factor: Tensor) {
 *     super();
 *     this.factor = factor;
 *   }
 * }
 * const doubled = tree.map((leaf) => leaf.mul(2), new Scale(tensor([1, 2])));
 * doubled.factor; // [2, 4]
 */
export abstract class TreeNode {}

/** A tree taken apart: its leaves in order, and how to put new leaves in their place. */
export interface FlatTree<T> {
  readonly leaves: readonly Tensor[];
  /** Equal for trees of one structure, static parts included. */
  readonly structure: string;
  /** The same tree with other leaves. */
  unflatten(leaves: readonly Tensor[]): T;
}

type Branch = readonly unknown[] | Readonly<Record<string, unknown>> | TreeNode;

/** Takes a tree apart. */
function flatten<T>(root: T): FlatTree<T> {
  const found: Tensor[] = [];
  const parts: string[] = [];
  const visit = (node: unknown): void => {
    if (node instanceof Tensor) {
      found.push(node);
      parts.push('*');
    } else if (isBranch(node)) {
      parts.push(`${node.constructor?.name ?? ''}{`);
      for (const [key, child] of Object.entries(node)) {
        parts.push(`${JSON.stringify(key)}:`);
        visit(child);
      }
      parts.push('}');
    } else {
      parts.push(staticIdentity(node));
    }
  };
  visit(root);
  return {
    leaves: found,
    structure: parts.join(' '),
    unflatten: (replacements) => {
      if (replacements.length !== found.length) {
        throw new StateError(
          'tree',
          `${replacements.length} leaves given for a tree of ${found.length}.`,
        );
      }
      let next = 0;
      return replaceLeaves(root, () => replacements[next++]) as T;
    },
  };
}

/** The leaves in order. */
function leaves(root: unknown): readonly Tensor[] {
  return flatten(root).leaves;
}

/** `[path, leaf]` pairs in order; a path joins field names and indices by dots: `blocks.0.attn.qkv.weight`. */
function entries(root: unknown): readonly (readonly [string, Tensor])[] {
  const found: [string, Tensor][] = [];
  const visit = (node: unknown, path: string): void => {
    if (node instanceof Tensor) found.push([path, node]);
    for (const [key, child] of children(node) ?? [])
      visit(child, path === '' ? key : `${path}.${key}`);
  };
  visit(root, '');
  return found;
}

/**
 * Applies `f` to every leaf, and to the leaves at the same places of `others`.
 *
 * @throws StateError if the trees do not have one structure.
 */
function map<T>(
  f: (leaf: Tensor, ...others: Tensor[]) => Tensor,
  root: T,
  ...others: unknown[]
): T {
  const flat = flatten(root);
  const odd = others.map(leaves).find((list) => list.length !== flat.leaves.length);
  if (odd !== undefined) {
    throw new StateError(
      'tree.map',
      `the trees differ: ${flat.leaves.length} leaves and ${odd.length} leaves.`,
    );
  }
  const aligned = others.map((other) => align('tree.map', root, other));
  return flat.unflatten(flat.leaves.map((leaf, i) => f(leaf, ...aligned.map((list) => list[i]))));
}

/**
 * The leaves of `other` in the order of those of `root`, paired by path: `{ a, b }` and `{ b, a }` are
 * one structure.
 *
 * @param op Who asks, for the error.
 * @throws StateError that names a path which only one of the trees has.
 */
function align(op: string, root: unknown, other: unknown): readonly Tensor[] {
  const given = new Map(entries(other));
  const wanted = new Map(entries(root));
  const odd =
    [...wanted.keys()].find((path) => !given.has(path)) ??
    [...given.keys()].find((path) => !wanted.has(path));
  if (odd === undefined) return [...wanted.keys()].map((path) => given.get(path) as Tensor);
  throw new StateError(op, `the trees differ: only one of them has a tensor at '${odd}'.`);
}

/**
 * The parts of a branch (an array, a plain object or a tree node) by field name or index, in order;
 * `null` for everything else: leaves and static values have no parts. With it, a walk of one's own
 * sees the very tree that the other functions see.
 */
function children(node: unknown): readonly (readonly [string, unknown])[] | null {
  return isBranch(node) ? Object.entries(node) : null;
}

/**
 * Functions on trees of tensors.
 *
 * @example
 * const model = { layers: [{ w: ones([2]) }, { w: zeros([2]) }], name: 'mlp' };
 * tree.entries(model).map(([path]) => path); // ['layers.0.w', 'layers.1.w']
 * tree.map((leaf) => leaf.add(1), model).layers[0].w; // [2, 2]
 */
export const tree: {
  readonly flatten: typeof flatten;
  readonly leaves: typeof leaves;
  readonly entries: typeof entries;
  readonly map: typeof map;
  readonly align: typeof align;
  readonly children: typeof children;
} = { flatten, leaves, entries, map, align, children };

function isBranch(node: unknown): node is Branch {
  if (typeof node !== 'object' || node === null) return false;
  if (Array.isArray(node) || node instanceof TreeNode) return true;
  const prototype: unknown = Object.getPrototypeOf(node);
  return prototype === Object.prototype || prototype === null;
}

function replaceLeaves(node: unknown, next: () => Tensor): unknown {
  if (node instanceof Tensor) return next();
  if (!isBranch(node)) return node;
  if (Array.isArray(node)) return node.map((child: unknown) => replaceLeaves(child, next));
  const copy = Object.create(Object.getPrototypeOf(node) as object | null) as Record<
    string,
    unknown
  >;
  for (const [key, child] of Object.entries(node)) copy[key] = replaceLeaves(child, next);
  return copy;
}

const identities = new WeakMap<object, number>();
let nextIdentity = 0;

/** A text for a static part of a tree: its value, or for objects and functions their identity. */
function staticIdentity(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'bigint') return `${value}n`;
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null)
    return Object.is(value, -0) ? '-0' : String(value);
  let identity = identities.get(value);
  if (identity === undefined) {
    identity = nextIdentity++;
    identities.set(value, identity);
  }
  return `#${identity}`;
}
