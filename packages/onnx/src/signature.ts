// What a model takes and gives: the leaves of arguments and results, named by their paths.

import { formatShape, kindOf, Tensor, tree, ValueError, type DType } from '@tessera/tensor';
import type { TensorSpec } from '@tessera/tensor/extend';
import type { OnnxValue } from './graph/model.ts';

/** An argument: a tree whose leaves are tensors, or shapes and dtypes in their place. */
export type Spec<A> = A extends Tensor
  ? TensorSpec
  : A extends (...args: never) => unknown
    ? A
    : A extends object
      ? TensorSpec extends A
        ? A
        : { readonly [K in keyof A]: Spec<A[K]> }
      : A;

const DTYPES: ReadonlySet<unknown> = new Set<DType>(['float32', 'int32', 'bool']);

/**
 * The leaves of the arguments, and a function that puts tensors in their place. A single argument is its own
 * root, several are called after their positions.
 */
export function argumentsOf(args: readonly unknown[]): {
  readonly inputs: readonly OnnxValue[];
  fill(tensors: readonly Tensor[]): readonly unknown[];
} {
  const root = args.length === 1 ? args[0] : args;
  const inputs = new Map<string, OnnxValue>();
  visit(root, '', (path, { shape, dtype }) => {
    const name = path === '' ? 'input' : path;
    if (inputs.has(name)) throw doubleName(name);
    inputs.set(name, { name, shape, dtype });
  });
  return {
    inputs: [...inputs.values()],
    fill: (tensors) => {
      let next = 0;
      return args.map((arg) => replaced(arg, () => tensors[next++]));
    },
  };
}

/** The outputs of a model for a result. A name that an input has already gets `.out` behind it. */
export function outputsOf(result: unknown, inputs: readonly OnnxValue[]): readonly OnnxValue[] {
  const taken = new Set(inputs.map(({ name }) => name));
  const found = tree.entries(result);
  if (found.length === 0) {
    const problem = `the function returns ${kindOf(result)}, expected a tensor, or a tree of some.`;
    throw new ValueError('toOnnx', problem);
  }
  return found.map(([path, { shape, dtype }]) => {
    let name = path === '' ? 'output' : path;
    while (taken.has(name)) name += '.out';
    taken.add(name);
    return { name, shape, dtype };
  });
}

/** Calls `found` with every leaf and its path. */
function visit(node: unknown, path: string, found: (path: string, spec: TensorSpec) => void): void {
  if (isLeaf(node)) {
    found(path, node);
    return;
  }
  for (const [key, child] of tree.children(node) ?? []) {
    visit(child, path === '' ? key : `${path}.${key}`, found);
  }
}

function replaced(node: unknown, next: () => Tensor): unknown {
  if (isLeaf(node)) return next();
  if (tree.children(node) === null) return node;
  return tree.mapChildren(node, (child) => replaced(child, next));
}

/**
 * Whether a part of an argument stands for a tensor: it is one, or an object of just a shape and a dtype.
 *
 * @throws ValueError if shape or dtype are none.
 */
function isLeaf(node: unknown): node is TensorSpec {
  if (node instanceof Tensor) return true;
  if (typeof node !== 'object' || node === null) return false;
  const keys = Object.keys(node);
  if (keys.length !== 2 || !('shape' in node) || !('dtype' in node)) return false;
  const { shape, dtype } = node;
  const isShape = Array.isArray(shape) && shape.every((n) => Number.isSafeInteger(n) && n >= 0);
  if (!isShape) {
    const found = Array.isArray(shape) ? formatShape(shape) : kindOf(shape);
    throw new ValueError(
      'toOnnx',
      `a shape is a list of sizes, but is ${found}. Models have fixed shapes: write { shape: [1, 3], dtype: 'float32' }.`,
    );
  }
  if (DTYPES.has(dtype)) return true;
  throw new ValueError(
    'toOnnx',
    `the dtype ${kindOf(dtype)} does not exist. 'float32', 'int32' and 'bool' do.`,
  );
}

function doubleName(name: string): ValueError {
  return new ValueError(
    'toOnnx',
    `two tensors of the arguments have the path '${name}'. Rename the key that contains a dot.`,
  );
}
