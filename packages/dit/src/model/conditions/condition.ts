// The interface of a condition: what it takes, what stands for none, and what it gives to the model.

import { Module, type Linear } from '@tessera/autograd/nn';
import {
  checkTensors,
  formatShape,
  formatSpec,
  full,
  ShapeError,
  type DType,
  type Tensor,
} from '@tessera/tensor';
import type { Block } from '../blocks/block.ts';

/** Tokens that a condition offers to the blocks. */
export interface ContextTokens {
  /** `[B, S, D]` */
  readonly values: Tensor;
  /** bool `[B, S]`: which of them say something. The others are padding. */
  readonly mask: Tensor;
}

/** Blocks that run beside those of the model, see `ControlCondition`. */
export interface Branch {
  /** `[B, T, D]`, added to the patches that enter the branch. */
  readonly patches: Tensor;
  /** bool `[B]`: the samples that hear the branch. */
  readonly heard: Tensor;
  readonly blocks: readonly Block[];
  /** From the tokens of each block to what is added to the model's. */
  readonly outputs: readonly Linear[];
}

/**
 * What a condition gives to the model. Each part starts at zero, or is heard only through weights that start at
 * zero. Tokens of all conditions share these weights.
 */
export interface Contribution {
  /** `[B, D]`, added to the embedding of the timestep: the conditioning vector of every design. */
  readonly vector?: Tensor;
  /** Tokens for the blocks, see `ContextAttention` and `InContextBlock`. */
  readonly tokens?: ContextTokens;
  /** `[B, T, D]`, added to the patches: what further channels of the latent add to the patch embedding. */
  readonly patches?: Tensor;
  readonly branch?: Branch;
}

/** The values of one condition: what a sample has, and what stands for nothing. */
export interface ValueKind {
  /** Shape of the value of one sample: `[]` for a number. */
  readonly shape: readonly number[];
  readonly dtype: DType;
  /** The null of the condition: a value all of whose elements are this number. */
  readonly nullElement: number;
  /** Probability that training replaces a value by the null. */
  readonly dropoutProb: number;
}

/**
 * One condition of a model: how the values `[B, ...shape]` of a batch reach it. A class for each kind stands
 * in a file of this folder.
 *
 * @example
 * class Temperature extends Condition {
 *   readonly values = { shape: [], dtype: 'float32', nullElement: -1, dropoutProb: 0.1 } as const;
 *   readonly weight: Tensor = zeros([8]);
 *   forward(value: Tensor): Contribution {
 *     return { vector: value.unsqueeze(1).mul(this.weight) };
 *   }
 * }
 * new Temperature().forward(ones([2])).vector; // float32[2, 8]
 */
export abstract class Condition extends Module {
  static override readonly name: string = 'Condition';
  abstract readonly values: ValueKind;
  /** Number of tokens for the blocks, padding included. Default 0. */
  readonly tokenCount: number = 0;
  /** The values of a batch, `[B, ...shape]`, to what they give to the model. */
  abstract forward(values: Tensor): Contribution;
}

/** The null of a condition for a batch: `[B, ...shape]`. */
export function nullValues({ shape, dtype, nullElement }: ValueKind, batch: number): Tensor {
  return full([batch, ...shape], nullElement, dtype);
}

/** `values` with the null where `mask` (bool `[B]`) is true. */
export function dropValues(
  { shape, nullElement }: ValueKind,
  values: Tensor,
  mask: Tensor,
): Tensor {
  return mask.reshape([-1, ...shape.map(() => 1)]).where(nullElement, values);
}

/** Throws unless these are the values of a condition for a batch. */
export function checkValues(
  op: string,
  name: string,
  { shape, dtype }: ValueKind,
  values: Tensor,
  batch: number,
): void {
  checkTensors(op, { [name]: values });
  const expected = [batch, ...shape];
  if (values.dtype === dtype && formatShape(values.shape) === formatShape(expected)) return;
  throw new ShapeError(
    op,
    `the condition '${name}' is ${formatSpec(values)}, but ${dtype}${formatShape(expected)} is expected.`,
    [values.shape, expected],
  );
}
