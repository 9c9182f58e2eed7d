// Trees of tensors (objects, lists, models): take them apart, map over them, name their leaves.

import { checkFunction } from './arguments.ts';
import { StateError } from './errors.ts';
import { Tensor } from './tensor.ts';

/**
 * Base of classes whose fields are part of a tree: a model is its own parameter tree. Trees are tensors (the
 * leaves), arrays, plain objects and instances of `TreeNode`. Everything else in them (numbers, strings,
 * functions, null, maps) is structure and stays as it is. Copies are made field by field without the
 * constructor, so a class that extends it must not have `#private` fields. Fields whose key is a symbol are
 * not part of the tree.
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

/** A tree taken apart: its leaves in order, and a function that puts new leaves in their place. */
export interface FlatTree<T> {
  readonly leaves: readonly Tensor[];
  /**
   * The structure as a text. Two trees have the same text exactly if they have the same classes (by identity,
   * not by name), keys and static parts. Numbers, strings and the like are compared by value,
   * symbols and functions by identity, other objects by identity and by their present contents.
   *
   * @throws StateError for static parts that hold tensors, and for typed arrays.
   */
  readonly structure: string;
  /** Returns the same tree with other leaves. */
  unflatten(leaves: readonly Tensor[]): T;
}

type Branch = readonly unknown[] | Readonly<Record<string, unknown>> | TreeNode;

/** Deepest nesting of branches: deeper than any model, and small enough for the stack of any engine. */
const DEEPEST = 1000;

/** Takes a tree apart. */
function flatten<T>(root: T): FlatTree<T> {
  const found = leaves(root);
  return {
    leaves: found,
    get structure() {
      return structureOf(root);
    },
    unflatten: (replacements) => {
      if (replacements.length !== found.length) {
        throw new StateError(
          'tree',
          `the number of leaves must be ${found.length}, but is ${replacements.length}.`,
        );
      }
      let next = 0;
      return replaceLeaves(root, () => replacements[next++]) as T;
    },
  };
}

/** The leaves in order. */
function leaves(root: unknown): readonly Tensor[] {
  const found: Tensor[] = [];
  const visit = (node: unknown, depth: number): void => {
    if (node instanceof Tensor) found.push(node);
    else if (isBranch(node)) {
      checkDepth(depth);
      for (const child of Object.values(node)) visit(child, depth + 1);
    }
  };
  visit(root, 0);
  return found;
}

/**
 * Calls `visit` with every node and its path, from outside to inside and in order. A node for which it
 * returns `false` is not opened.
 *
 * @throws StateError if the tree contains itself.
 */
function walk(root: unknown, visit: (node: unknown, path: string) => boolean): void {
  const enter = (node: unknown, path: string, depth: number): void => {
    if (!visit(node, path) || !isBranch(node)) return;
    checkDepth(depth);
    for (const [key, child] of Object.entries(node)) {
      enter(child, path === '' ? key : `${path}.${key}`, depth + 1);
    }
  };
  enter(root, '', 0);
}

/**
 * `[path, leaf]` pairs in order. A path joins field names and indices by dots: `blocks.0.attn.qkv.weight`.
 *
 * @throws StateError if two leaves have the same path, as in `{ 'a.b': x, a: { b: y } }`.
 */
function entries(root: unknown): readonly (readonly [string, Tensor])[] {
  const found = new Map<string, Tensor>();
  walk(root, (node, path) => {
    if (node instanceof Tensor) {
      if (found.has(path)) {
        throw new StateError(
          'tree',
          `two tensors have the path '${path}'. Rename the key that contains a dot.`,
        );
      }
      found.set(path, node);
    }
    return true;
  });
  return [...found];
}

/**
 * Applies `f` to every leaf, and to the leaves at the same places of `others`.
 *
 * @throws StateError if the trees differ in structure; ValueError if f is no function.
 */
function map<T>(
  f: (leaf: Tensor, ...others: Tensor[]) => Tensor,
  root: T,
  ...others: unknown[]
): T {
  checkFunction('tree.map', f);
  const flat = flatten(root);
  const odd = others.map(leaves).find((list) => list.length !== flat.leaves.length);
  if (odd !== undefined) {
    throw new StateError(
      'tree.map',
      `the trees differ: their numbers of leaves are ${flat.leaves.length} and ${odd.length}.`,
    );
  }
  const aligned = others.map((other) => align('tree.map', root, other));
  return flat.unflatten(flat.leaves.map((leaf, i) => f(leaf, ...aligned.map((list) => list[i]))));
}

/**
 * The leaves of `other` in the order of those of `root`, paired by path. So `{ a, b }` and `{ b, a }` match.
 *
 * @param op The caller's name, for the error.
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
 * The parts of a branch (an array, a plain object or a tree node) in order, as `[key, part]`. The key is a
 * field name or an index. For leaves and static values, which have no parts, the result is `null`. A walk of
 * your own with `children` sees the same tree as the other functions.
 */
function children(node: unknown): readonly (readonly [string, unknown])[] | null {
  return isBranch(node) ? Object.entries(node) : null;
}

/** A copy of the branch `node`, in which the results of `f` replace the parts. */
function mapChildren<T>(node: T, f: (child: unknown, key: string) => unknown): T {
  const prototype = Object.getPrototypeOf(node) as object | null;
  const copy = (
    Array.isArray(node)
      ? Object.setPrototypeOf(new Array(node.length), prototype)
      : Object.create(prototype)
  ) as Record<string, unknown>;
  for (const [key, child] of Object.entries(node as Branch)) {
    const value = f(child, key);
    // Assignment to a key with a special meaning, such as `__proto__`, would not make a field.
    if (key in copy) {
      Object.defineProperty(copy, key, {
        value,
        writable: true,
        enumerable: true,
        configurable: true,
      });
    } else copy[key] = value;
  }
  return copy as T;
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
  readonly mapChildren: typeof mapChildren;
  readonly walk: typeof walk;
} = { flatten, leaves, entries, map, align, children, mapChildren, walk };

function isBranch(node: unknown): node is Branch {
  if (typeof node !== 'object' || node === null) return false;
  if (Array.isArray(node) || node instanceof TreeNode) return true;
  const prototype: unknown = Object.getPrototypeOf(node);
  return prototype === Object.prototype || prototype === null;
}

function replaceLeaves(node: unknown, next: () => Tensor): unknown {
  if (node instanceof Tensor) return next();
  return isBranch(node) ? mapChildren(node, (child) => replaceLeaves(child, next)) : node;
}

function checkDepth(depth: number): void {
  if (depth < DEEPEST) return;
  throw new StateError(
    'tree',
    `the tree is nested more than ${DEEPEST} levels deep. Does it contain itself?`,
  );
}

/** A text of everything in a tree except its leaves. */
function structureOf(root: unknown): string {
  const parts: string[] = [];
  let seen: Set<object> | undefined;
  const visit = (node: unknown, depth: number, holder: string): void => {
    if (node instanceof Tensor) {
      if (holder !== '') {
        throw new StateError(
          'tree',
          `a tensor stands in an instance of ${holder}. Put it in arrays, plain objects or TreeNodes.`,
        );
      }
      parts.push('*');
      return;
    }
    const text = staticText(node);
    if (text !== null) {
      parts.push(text);
      return;
    }
    checkDepth(depth);
    const object = node as object;
    const isPart = holder === '' && isBranch(object);
    // A branch is compared by its class. Any other object may hide state, so its identity counts as well.
    const prototype = Object.getPrototypeOf(object) as object | null;
    if (isPart) parts.push(`${prototype && identityOf(prototype)}{`);
    else {
      parts.push(`#${identityOf(object)}`);
      if (seen?.has(object) === true) return;
      (seen ??= new Set()).add(object);
      parts.push('{');
    }
    const inside = isPart ? '' : holder || (prototype?.constructor?.name ?? 'object');
    if (Array.isArray(object)) parts.push(String(object.length));
    if (object instanceof Date) parts.push(String(object.getTime()));
    if (object instanceof Map || object instanceof Set) {
      for (const item of object) visit(item, depth + 1, inside);
    }
    for (const [key, child] of Object.entries(object)) {
      parts.push(sized(key));
      visit(child, depth + 1, inside);
    }
    parts.push('}');
  };
  visit(root, 0, '');
  return parts.join(' ');
}

/** A text with its length in front. So no such text is the beginning of another one. */
function sized(text: string): string {
  return `${text.length}:${text}`;
}

/**
 * The text of a static value that has no visible fields, such as a number; `null` for an object with fields.
 *
 * @throws StateError for typed arrays and buffers.
 */
function staticText(value: unknown): string | null {
  if (typeof value === 'string') return `"${sized(value)}`;
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'function' || typeof value === 'symbol') return `#${identityOf(value)}`;
  if (typeof value !== 'object' || value === null)
    return Object.is(value, -0) ? '-0' : String(value);
  if (!ArrayBuffer.isView(value) && !(value instanceof ArrayBuffer)) return null;
  throw new StateError(
    'tree',
    `the tree holds a ${value.constructor.name}, whose elements may change unnoticed. Make a tensor of it.`,
  );
}

const identities = new WeakMap<object, number>();
/** Symbols have a map of their own, since some engines refuse them as keys of a WeakMap. */
const symbols = new Map<symbol, number>();
let nextIdentity = 0;

/** The number of an object, function or symbol. Each one has a number of its own. */
function identityOf(value: object | symbol): number {
  const known = (typeof value === 'symbol' ? symbols : identities) as Map<unknown, number>;
  let identity = known.get(value);
  if (identity === undefined) {
    identity = nextIdentity++;
    known.set(value, identity);
  }
  return identity;
}
