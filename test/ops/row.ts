import type * as losses from '@tessera/autograd/nn';
import type * as functions from '@tessera/tensor';
import type { Tensor } from '@tessera/tensor';
import type { CompositeName, PrimitiveName } from '@tessera/tensor/extend';
import type fc from 'fast-check';
import type { GoldenOps } from '../golden/golden-op.ts';

/** What a row is about: a public function or loss, a method of tensors, a primitive or a composite. */
export type OpName = Extract<
  keyof typeof functions | keyof typeof losses | keyof Tensor | PrimitiveName | CompositeName,
  string
>;

/** A function of tensors. */
export type OpFunction = (...inputs: readonly Tensor[]) => Tensor | readonly Tensor[];

/** A function and operands of it. */
export interface OpCase {
  readonly f: OpFunction;
  readonly inputs: readonly Tensor[];
}

/**
 * Random cases whose axes have at least the size `smallest`, 0 or 1 (an operation that takes no empty
 * axis gives none). The points are smooth: a small step from them changes neither order nor sign of
 * what the operation compares.
 */
export type Cases = (smallest: 0 | 1) => fc.Arbitrary<OpCase>;

/** Work to time: the operation on operands of one size. */
export interface OpBenchmark {
  /** The sizes, for people: `3136×512`. */
  readonly sizes: string;
  readonly f: (...inputs: readonly Tensor[]) => Tensor;
  readonly inputs: () => readonly Tensor[];
  /** Floating point operations of one forward pass, where a rate says something. */
  readonly flops?: number;
  /** Whether to time the gradients as well. */
  readonly backward?: boolean;
}

/** One variant of an operation: all that tests and benchmarks know of it. */
export interface OpRow {
  readonly op: OpName;
  /** What tells the row from others of the same operation. */
  readonly variant?: string;
  readonly cases: Cases;
  /** Why no gradient passes. Without it, gradients of both orders are checked. */
  readonly notDifferentiable?: string;
  /** The operation under the names of the golden data. */
  readonly golden?: GoldenOps;
  readonly benchmarks?: readonly OpBenchmark[];
}

/** The name of a row: `avgPool2d without the padding`. */
export function rowName({ op, variant }: OpRow): string {
  return variant === undefined ? op : `${op} ${variant}`;
}
