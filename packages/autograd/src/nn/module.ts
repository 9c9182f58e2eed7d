import { FormatError, tree, TreeNode, type Tensor } from '@tessera/tensor';
import { namedLeaves } from '../leaves.ts';

/**
 * Base of everything with parameters. A module is its own parameter tree: its fields are tensors,
 * buffers, other modules, arrays of modules, or plain values (sizes, rates), which stay as they are.
 * Name the fields as the checkpoint does: the path of a tensor is its key. Modules are immutable;
 * training makes new ones.
 *
 * @example
 * class Affine extends Module {
 *   readonly weight: Tensor = ones([3]);
 *   readonly bias: Tensor = zeros([3]);
 *   forward(x: Tensor): Tensor {
 *     return x.mul(this.weight).add(this.bias);
 *   }
 * }
 */
export abstract class Module extends TreeNode {}

/** `[path, tensor]` of every trainable tensor of a module: float32 and not in a buffer. */
export function namedParameters(module: unknown): readonly (readonly [string, Tensor])[] {
  return namedLeaves(module).flatMap(({ path, tensor, trainable }) =>
    trainable ? [[path, tensor] as const] : [],
  );
}

/** `[path, tensor]` of every tensor of a module, buffers included: the content of a checkpoint. */
export function namedTensors(module: unknown): readonly (readonly [string, Tensor])[] {
  return namedLeaves(module).map(({ path, tensor }) => [path, tensor] as const);
}

/** The number of trainable values of a module. */
export function countParameters(module: unknown): number {
  return namedParameters(module).reduce((count, [, { size }]) => count + size, 0);
}

/**
 * A module like `module` with the tensors of a checkpoint in place of its own.
 *
 * @param module Gives the structure, the names and the shapes.
 * @param tensors By path, exactly the names of {@link namedTensors}.
 * @throws FormatError that lists the names which are missing, which are not known, and whose shape
 * or dtype differs.
 */
export function loadTensors<M>(module: M, tensors: ReadonlyMap<string, Tensor>): M {
  const leaves = namedLeaves(module);
  const names = new Set(leaves.map(({ path }) => path));
  const missing = leaves.filter(({ path }) => !tensors.has(path)).map(({ path }) => path);
  const unexpected = [...tensors.keys()].filter((name) => !names.has(name));
  const mismatched = leaves.flatMap(({ path, tensor }) => {
    const loaded = tensors.get(path);
    if (loaded === undefined || loaded.toString() === tensor.toString()) return [];
    return [`${path} is ${loaded.toString()}, not ${tensor.toString()}`];
  });
  const problems = [
    ...describe('missing', missing),
    ...describe('unexpected', unexpected),
    ...describe('different', mismatched),
  ];
  if (problems.length > 0) {
    throw new FormatError(
      'loadTensors',
      `the tensors do not fit the module. ${problems.join(' ')}`,
    );
  }
  return tree
    .flatten(module)
    .unflatten(leaves.map(({ path, tensor }) => tensors.get(path) ?? tensor));
}

const SHOWN = 8;

function describe(what: string, names: readonly string[]): string[] {
  if (names.length === 0) return [];
  const more = names.length > SHOWN ? ` and ${names.length - SHOWN} more` : '';
  return [`${names.length} ${what}: ${names.slice(0, SHOWN).join(', ')}${more}.`];
}
