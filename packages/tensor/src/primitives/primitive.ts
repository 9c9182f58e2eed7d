// What an operation declares: its kind, shape rule, cost and traits.

import type { KernelCode, Target } from '../backends/wasm/kernel/kernel-code.ts';
import type { CallKernel } from '../plan/kernel.ts';
import type { DType, TypedArray } from '../array/dtype.ts';
import type { Shape } from '../array/shape.ts';
import type { View } from '../array/view.ts';

/** A static attribute of an operation: plain data that can be printed, compared and sent to a backend. */
export type ParamValue = string | number | boolean | null | readonly ParamValue[];

/** The static attributes of one application of an operation. */
export type Params = { readonly [name: string]: ParamValue };

/** The attributes of an operation that has none. */
export type NoParams = { readonly [name: string]: never };

/** The facts about a tensor without its values. */
export interface TensorSpec {
  readonly shape: Shape;
  readonly dtype: DType;
}

/** What every operation of the instruction set declares. */
export interface PrimitiveBase<P extends Params> {
  readonly name: string;
  /**
   * The rule for shapes and dtypes: returns the specs of the outputs, or throws a typed error if the inputs
   * do not fit.
   */
  infer(inputs: readonly TensorSpec[], params: P): readonly TensorSpec[];
  /** Floating point operations of one application (a multiply-add counts as two). */
  flops(inputs: readonly TensorSpec[], params: P): number;
}

/**
 * An operation whose output elements depend only on the input elements at the same place. So neighbours fuse
 * into one loop.
 */
export interface PointwisePrimitive<P extends Params = Params> extends PrimitiveBase<P> {
  readonly kind: 'pointwise';
  /**
   * The meaning for one element, computed in float64 and then rounded to the output's `dtype`. Arguments for
   * operands that the primitive does not have are not read.
   */
  readonly scalar: (a: number, b: number, c: number, dtype: DType) => number;
  /** Whether the two operands may be swapped. */
  readonly commutative: boolean;
  /** The value `e` with `x ∘ e = x` for every x, if there is one. */
  readonly rightIdentity: number | null;
}

/** An operation that changes only the view; the elements stay where they are. */
export interface MovementPrimitive<P extends Params = Params> extends PrimitiveBase<P> {
  readonly kind: 'movement';
  /** The view of the result, or `null` if strides cannot express it and the input must be copied first. */
  view(view: View, params: P): View | null;
  /**
   * Whether the compiler must treat the result as unrelated to the operand. Work on it is then not merged
   * with equal work on the operand, and not fused with the work that makes the operand.
   */
  readonly separates?: true;
}

/** The place of one input of an assembly in the output: `output[starts + i · steps] = input[i]`. */
export interface Region {
  readonly starts: readonly number[];
  readonly steps: readonly number[];
}

/** An operation that copies every input into its own region of the output; the rest of the output is 0. */
export interface AssemblyPrimitive<P extends Params = Params> extends PrimitiveBase<P> {
  readonly kind: 'assembly';
  regions(inputs: readonly TensorSpec[], params: P): readonly Region[];
  /** Whether the regions cover the whole output, so that it need not be cleared first. */
  covers(inputs: readonly TensorSpec[], params: P): boolean;
}

/** Attributes of a reduction: the axes that are folded away, ascending. */
export type ReductionParams = { readonly axes: readonly number[] };

/** An operation that folds the elements along `axes` into one. */
export interface ReductionPrimitive<P extends Params = Params> extends PrimitiveBase<P> {
  readonly kind: 'reduction';
  /** The result of folding no elements. */
  initial(dtype: DType): number;
  combine(accumulator: number, element: number): number;
}

/** A scalar constant of the program. */
export interface LiteralPrimitive<P extends Params = Params> extends PrimitiveBase<P> {
  readonly kind: 'literal';
}

/** Attributes of a literal. */
export type LiteralParams = { readonly value: number; readonly dtype: DType };

/** An operation with a kernel of its own in every backend. */
export interface KernelPrimitive<P extends Params = Params> extends PrimitiveBase<P> {
  readonly kind: 'kernel';
  /** Whether its kernel may throw because of values, such as an index outside of its axis. */
  readonly refuses?: true;
  /** The number of last axes of the result that form one row, for a kernel that takes an epilogue. */
  readonly rowAxes?: number;
  /**
   * Kernels that belong to the operation itself, by the name of the backend. The tables of the backends lack
   * it, so a page that never applies it loads none of its code.
   */
  readonly kernels?: {
    cpu(kernel: CallKernel, params: P): (buffers: readonly TypedArray[]) => void;
    wasm(kernel: CallKernel, params: P, target: Target): KernelCode;
  };
  /** The operations of its gradient, by name, for an operation with its own kernels. */
  readonly relatives?: { readonly [name: string]: KernelPrimitive };
}

/** The declaration of a composite without its definition: enough for programs, plans and backends. */
export interface CompositeDeclaration<P extends Params = Params> extends PrimitiveBase<P> {
  readonly kind: 'composite';
}

/** One operation of the closed instruction set. */
export type Primitive<P extends Params = Params> =
  | PointwisePrimitive<P>
  | MovementPrimitive<P>
  | AssemblyPrimitive<P>
  | ReductionPrimitive<P>
  | LiteralPrimitive<P>
  | KernelPrimitive<P>;

/** The part of an operation that programs and plans need. */
export type Declaration<P extends Params = Params> = Primitive<P> | CompositeDeclaration<P>;

/**
 * A text that is equal for equal attributes, and only for them.
 *
 * @example
 * formatParams({ axes: [1], causal: true }); // '{ axes: [1], causal: true }'
 */
export function formatParams(params: Params): string {
  const entries = Object.entries(params).map(([name, value]) => `${name}: ${formatParam(value)}`);
  return entries.length === 0 ? '' : `{ ${entries.join(', ')} }`;
}

function formatParam(value: ParamValue): string {
  if (Array.isArray(value)) return `[${value.map(formatParam).join(', ')}]`;
  return typeof value === 'number' ? formatNumber(value) : String(value);
}

/** A text that is equal for equal numbers, and only for them; 0 and −0 differ. */
export function formatNumber(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value);
}
