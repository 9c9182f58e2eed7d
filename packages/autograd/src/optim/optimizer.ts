// What an optimizer is: pure functions from parameters, gradients and state to the next ones.

import {
  checkOptions,
  kindOf,
  formatShape,
  ShapeError,
  StateError,
  Tensor,
  tree,
  ValueError,
  zeros,
} from '@tessera/tensor';
import { namedLeaves } from '../leaves.ts';

/** Tensors by the path of the parameter that they belong to. */
export type TensorsByPath = Readonly<Record<string, Tensor>>;

/** Options of one step of an optimizer. */
export interface StepOptions {
  /** The learning rate. As a scalar tensor (from a schedule) it can change without recompiling a step. */
  readonly learningRate: number | Tensor;
}

/** The result of one step of an optimizer. */
export interface StepResult<T, S> {
  readonly params: T;
  readonly state: S;
}

/**
 * A first-order optimizer: two pure functions. The state is a tree of tensors, so it can be saved, donated
 * and compiled like any other tree; its step count is a tensor too.
 *
 * @example
 * const loss = (layer: Linear, x: Tensor) => layer.forward(x).square().mean();
 * const optimizer = adamw({ weightDecay: 0.01 });
 * let model = new Linear(4, 2, { key: key(0) });
 * let state = optimizer.init(model);
 * const { grads } = valueAndGrad(loss)(model, ones([8, 4]));
 * ({ params: model, state } = optimizer.update(grads, state, model, { learningRate: 1e-3 }));
 */
export interface Optimizer<S> {
  /** The state before the first step, for the trainable tensors of `params`. */
  init(params: unknown): S;
  /**
   * Does one step. Parameters and gradients are matched by path. A parameter without a gradient (`null` in
   * its place) stays unchanged; so do buffers, and int32 and bool tensors. There is one step count for all
   * parameters. So a parameter that lacks its gradient at some steps is corrected as if it had it at all
   * steps (PyTorch counts per parameter).
   *
   * @param grads A tree like `params`.
   * @throws StateError if gradients or state belong to another tree, ShapeError if the shape of a gradient
   *   differs from its parameter's.
   */
  update<T>(grads: unknown, state: S, params: T, options: StepOptions): StepResult<T, S>;
}

/** Settings of one parameter that differ from the optimizer's. */
export interface ParameterSettings {
  /** Multiplies the learning rate. Default 1. */
  readonly learningRateScale?: number;
  /** Replaces the optimizer's weight decay. */
  readonly weightDecay?: number;
}

/**
 * Chooses the settings of a parameter by its path (and shape).
 *
 * @example
 * adamw({ weightDecay: 0.1, perParameter: (path) => (path.endsWith('bias') ? { weightDecay: 0 } : {}) });
 */
export type PerParameter = (path: string, parameter: Tensor) => ParameterSettings;

/** Makes zeros for every trainable tensor of `params`, by path. */
export function zerosByPath(params: unknown): TensorsByPath {
  return Object.fromEntries(
    namedLeaves(params)
      .filter(({ trainable }) => trainable)
      .map(({ path, tensor }) => [path, zeros(tensor.shape)] as const),
  );
}

/**
 * Throws a typed error unless `state` has all fields that the optimizer reads, and the learning rate is a
 * finite number of at least 0 or a scalar tensor.
 */
export function checkStep<S extends object>(
  op: string,
  state: S,
  fields: readonly (keyof S & string)[],
  options: StepOptions,
): void {
  const missing = fields.find((field) => (state as S | null | undefined)?.[field] === undefined);
  if (missing !== undefined) {
    throw new StateError(
      op,
      `the state has no ${missing}: it is ${kindOf(state)}. Make it with init(params) of this optimizer.`,
    );
  }
  checkOptions(op, options, ['learningRate']);
  const { learningRate } = options;
  const isTensor = learningRate instanceof Tensor;
  if (isTensor && learningRate.rank > 0) {
    throw new ShapeError(
      op,
      `the learning rate must be a number or a scalar tensor, but is ${kindOf(learningRate)}.`,
      [learningRate.shape],
    );
  }
  if (isTensor || (learningRate >= 0 && learningRate < Infinity)) return;
  throw new ValueError(
    op,
    `learningRate must be finite and at least 0, but is ${kindOf(learningRate)}.`,
  );
}

/** A parameter that has a gradient. */
export interface Updated {
  readonly path: string;
  readonly gradient: Tensor;
  readonly parameter: Tensor;
}

/** Replaces every parameter that has a gradient by the result of `step` for it. */
export function updateParameters<T>(
  op: string,
  grads: unknown,
  params: T,
  step: (updated: Updated) => Tensor,
): T {
  const gradients = new Map(namedLeaves(grads).map(({ path, tensor }) => [path, tensor]));
  const leaves = namedLeaves(params);
  const known = new Set(leaves.map(({ path }) => path));
  for (const path of gradients.keys()) {
    if (known.has(path)) continue;
    throw new StateError(
      op,
      `there is a gradient at '${path}', but no parameter. Pass grads and params of one tree.`,
    );
  }
  const updated = leaves.map(({ path, tensor: parameter, trainable }) => {
    const gradient = gradients.get(path);
    if (gradient === undefined || !trainable) return parameter;
    if (formatShape(gradient.shape) !== formatShape(parameter.shape)) {
      throw new ShapeError(
        op,
        `the gradient of '${path}' is ${formatShape(gradient.shape)}, the parameter ${formatShape(parameter.shape)}.`,
        [gradient.shape, parameter.shape],
      );
    }
    return step({ path, gradient, parameter });
  });
  return tree.flatten(params).unflatten(updated);
}

/**
 * `√x`, of at least the smallest normal number. Smaller numbers do not count next to eps, and at 0 the root
 * would have no derivative for a gradient through the step.
 */
export function rootOf(x: Tensor): Tensor {
  return x.maximum(2 ** -126).sqrt();
}

/** The tensor of the state for `path`. */
export function stateOf(op: string, tensors: TensorsByPath, path: string): Tensor {
  if (Object.hasOwn(tensors, path)) return tensors[path];
  throw new StateError(
    op,
    `the state knows no parameter '${path}'. Make it with init(params) of the same tree.`,
  );
}
