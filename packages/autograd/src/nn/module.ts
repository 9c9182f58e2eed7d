// Module: a class whose fields are its parameters, and functions to name, count and load them.

import {
  kindOf,
  excerpt,
  formatSpec,
  FormatError,
  tree,
  TreeNode,
  ValueError,
  type Tensor,
} from '@tessera/tensor';
import { namedLeaves } from '../leaves.ts';
import { openScopes } from './module-call.ts';

/**
 * Base class of everything with parameters. A module is its own parameter tree: its fields are tensors,
 * buffers, other modules, arrays of modules, or plain values (sizes, rates), which stay as they are. Name the
 * fields as the checkpoint does: the path of a tensor is its key. Modules are immutable; training makes new
 * ones. {@link summary} shows the name of the class. A minifier may change that name; a static field `name`
 * keeps it.
 *
 * A module has no mode. `forward` evaluates. A module that computes something else in a training step
 * (dropout, batch norm) has a method `train` for it; see {@link Layer}.
 *
 * Operations inside `forward`, `train`, `encode` and `decode` carry the path of the module in printed graphs, programs
 * and plans: `DiT/blocks.0/attn/qkv`.
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
export abstract class Module extends TreeNode {
  constructor() {
    super();
    openScopes(new.target.prototype);
  }
}

/** The result of a training step. */
export interface Trained<M> {
  readonly output: Tensor;
  /** The module after the step: the same parameters, with buffers that may have changed. */
  readonly module: M;
}

/** A module that maps one tensor to one tensor. */
export interface Layer extends Module {
  /** Evaluates the layer. */
  forward(x: Tensor): Tensor;
  /**
   * Computes the layer in a training step. A layer without it does the same as in evaluation. Compute the
   * loss from `output`, and return `[loss, module]` to `valueAndGrad` with `hasAux`.
   *
   * @param key The key of the step's random numbers.
   */
  train?(x: Tensor, key?: Tensor): Trained<Layer>;
}

/**
 * Makes a module like `module` with other values in some of its fields; `module` stays as it is.
 *
 * @throws ValueError for a field that the module does not have.
 * @example
 * const layer = new Linear(4, 2, { key: key(0) });
 * const shifted = withFields(layer, { bias: ones([2]) });
 */
export function withFields<M extends Module>(module: M, fields: Partial<M>): M {
  expectModule('withFields', module);
  const odd = Object.keys(fields ?? {}).find((field) => !(field in module));
  if (odd !== undefined) {
    throw new ValueError(
      'withFields',
      `the module has no field '${odd}'. Its fields are ${Object.keys(module).join(', ')}.`,
    );
  }
  return Object.create(Object.getPrototypeOf(module) as object, {
    ...Object.getOwnPropertyDescriptors(module),
    ...Object.getOwnPropertyDescriptors({ ...fields }),
  }) as M;
}

/** Throws a ValueError unless `module` is a module: an instance of TreeNode. */
export function expectModule(op: string, module: unknown): void {
  if (module instanceof TreeNode) return;
  throw new ValueError(op, `takes a module, but got ${kindOf(module)}.`);
}

/**
 * `[path, module]` of a module and all modules inside it, from outside to inside, in field order.
 *
 * @example
 * const mlp = new Mlp(4, 8, { key: key(0) });
 * namedModules(mlp).map(([path]) => path); // ['', 'fc1', 'fc2']
 */
export function namedModules(root: Module): readonly (readonly [string, Module])[] {
  const found: (readonly [string, Module])[] = [];
  tree.walk(root, (node, path) => {
    if (node instanceof Module) found.push([path, node]);
    return true;
  });
  return found;
}

/**
 * `[path, tensor]` of every trainable tensor of a module: float32 and not in a buffer.
 *
 * @example
 * namedParameters(new Linear(4, 2, { key: key(0) })).map(([path]) => path); // ['weight', 'bias']
 */
export function namedParameters(module: unknown): readonly (readonly [string, Tensor])[] {
  return namedLeaves(module).flatMap(({ path, tensor, trainable }) =>
    trainable ? [[path, tensor] as const] : [],
  );
}

/**
 * `[path, tensor]` of every tensor of a module, also of buffers: the content of a checkpoint.
 *
 * @example
 * const norm = new BatchNorm2d(3, { affine: false });
 * namedTensors(norm).map(([path]) => path); // ['running_mean', 'running_var', 'num_batches_tracked']
 */
export function namedTensors(module: unknown): readonly (readonly [string, Tensor])[] {
  return namedLeaves(module).map(({ path, tensor }) => [path, tensor] as const);
}

/**
 * The number of trainable values of a module.
 *
 * @example
 * countParameters(new Linear(4, 2, { key: key(0) })); // 10
 */
export function countParameters(module: unknown): number {
  return namedParameters(module).reduce((count, [, { size }]) => count + size, 0);
}

/**
 * Makes a module like `module` with the tensors of a checkpoint in place of its own.
 *
 * @param module The source of the structure, the names and the shapes.
 * @param tensors By path, exactly the names of {@link namedTensors}.
 * @throws FormatError that lists all missing names, unknown names, and names whose shape or dtype differs.
 * @example
 * const blank = new Linear(2, 1, { key: key(0), bias: false });
 * const layer = loadTensors(blank, new Map([['weight', tensor([[3, 4]])]]));
 * layer.forward(tensor([1, 1])); // [7]
 */
export function loadTensors<M>(module: M, tensors: ReadonlyMap<string, Tensor>): M {
  if (typeof (tensors as ReadonlyMap<string, Tensor> | null | undefined)?.has !== 'function') {
    throw new ValueError(
      'loadTensors',
      `tensors must be a Map from names to tensors, but is ${kindOf(tensors)}. Write new Map(Object.entries(…)).`,
    );
  }
  const leaves = namedLeaves(module);
  const names = new Set(leaves.map(({ path }) => path));
  const missing = leaves.filter(({ path }) => !tensors.has(path)).map(({ path }) => path);
  const unexpected = [...tensors.keys()].filter((name) => !names.has(name));
  const mismatched = leaves.flatMap(({ path, tensor }) => {
    const loaded = tensors.get(path);
    if (loaded === undefined || formatSpec(loaded) === formatSpec(tensor)) return [];
    return [`${path} is ${formatSpec(loaded)}, not ${formatSpec(tensor)}`];
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
  return [
    `${names.length} ${what}: ${names
      .slice(0, SHOWN)
      .map((name) => excerpt(name))
      .join(', ')}${more}.`,
  ];
}
