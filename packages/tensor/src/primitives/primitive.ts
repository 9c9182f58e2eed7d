// What an operation declares: its kind, shape rule, cost and traits.

import type { KernelCode } from '../backends/wasm/kernel/kernel-code.ts';
import type { CallKernel } from '../plan/kernel.ts';
import type { DType, TypedArray } from '../array/dtype.ts';
import type { Shape } from '../array/shape.ts';
import type { View } from '../array/view.ts';

/** A static attribute of an operation: plain data, so that it can be printed, compared and sent to a backend. */
export type ParamValue = string | number | boolean | null | readonly ParamValue[];

/** The static attributes of one application of an operation. */
export type Params = { readonly [name: string]: ParamValue };

/** The attributes of an operation that has none. */
export type NoParams = { readonly [name: string]: never };

/** What is known of a tensor without its values. */
export interface TensorSpec {
  readonly shape: Shape;
  readonly dtype: DType;
}

/** What every operation of the instruction set declares. */
export interface PrimitiveBase<P extends Params> {
  readonly name: string;
  /** The shape and dtype rule: what the outputs are, or a typed error that says why the inputs do not fit. */
  infer(inputs: readonly TensorSpec[], params: P): readonly TensorSpec[];
  /** Floating point operations of one application (a multiply-add counts as two). */
  flops(inputs: readonly TensorSpec[], params: P): number;
}

/** One output element depends on the input elements at the same place, so neighbours fuse into one loop. */
export interface PointwisePrimitive<P extends Params = Params> extends PrimitiveBase<P> {
  readonly kind: 'pointwise';
  /**
   * The meaning for one element, in float64, which is then rounded to the output's `dtype`. What stands for
   * operands that the primitive does not have is not read.
   */
  readonly scalar: (a: number, b: number, c: number, dtype: DType) => number;
  /** Whether the two operands may be swapped. */
  readonly commutative: boolean;
  /** The value `e` with `x ∘ e = x` for every x, if there is one. */
  readonly rightIdentity: number | null;
}

/** The elements stay where they are; only the view changes. */
export interface MovementPrimitive<P extends Params = Params> extends PrimitiveBase<P> {
  readonly kind: 'movement';
  /** The view of the result, or `null` if strides cannot express it and the input must be copied first. */
  view(view: View, params: P): View | null;
  /**
   * Whether the compiler must take the result for a tensor that has nothing to do with the operand:
   * work on it is not merged with equal work on the operand, nor fused with what makes the operand.
   */
  readonly separates?: true;
}

/** Where one input of an assembly lands in the output: `output[starts + i · steps] = input[i]`. */
export interface Region {
  readonly starts: readonly number[];
  readonly steps: readonly number[];
}

/** Every input is copied into its own region of the output; the rest of the output is 0. */
export interface AssemblyPrimitive<P extends Params = Params> extends PrimitiveBase<P> {
  readonly kind: 'assembly';
  regions(inputs: readonly TensorSpec[], params: P): readonly Region[];
  /** Whether the regions cover the whole output, so that it need not be cleared first. */
  covers(inputs: readonly TensorSpec[], params: P): boolean;
}

/** Attributes of a reduction: the axes that disappear, ascending. */
export type ReductionParams = { readonly axes: readonly number[] };

/** Folds the elements along `axes` into one. */
export interface ReductionPrimitive<P extends Params = Params> extends PrimitiveBase<P> {
  readonly kind: 'reduction';
  /** The fold of no elements. */
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
  /** Whether its kernel may refuse values, such as an index outside of the axis that it indexes. */
  readonly refuses?: true;
  /** How many of the last axes of the result are one row for a kernel that takes an epilogue. */
  readonly rowAxes?: number;
  /**
   * Kernels that come along with the operation, by the name of the backend: the tables of the backends do
   * not have it, so that a page that never applies it loads nothing of it.
   */
  readonly kernels?: {
    cpu(kernel: CallKernel, params: P): (buffers: readonly TypedArray[]) => void;
    wasm(kernel: CallKernel, params: P): KernelCode;
  };
  /** Where kernels come along: the operations that its gradient is made of, with theirs, by name. */
  readonly relatives?: { readonly [name: string]: KernelPrimitive };
}

/** What is known of a composite without its definition: enough for programs, plans and backends. */
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

/** What programs and plans know of an operation. */
export type Declaration<P extends Params = Params> = Primitive<P> | CompositeDeclaration<P>;

/**
 * A text that is equal exactly when the attributes are equal.
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

/** A text that is equal exactly when the numbers are the same, the sign of zero included. */
export function formatNumber(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value);
}
