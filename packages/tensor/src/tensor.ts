// The Tensor class: an immutable handle on elements, and the list of all its methods.
/// <reference lib="esnext.disposable" preserve="true" />
import type { Storage } from './backends/backend.ts';
import { checkDType, type DType, type TypedArray } from './array/dtype.ts';
import { nestElements, type NestedArray } from './array/elements.ts';
import { apply, type Interpreter } from './interpreter.ts';
import {
  binary,
  compare,
  constant,
  expectBool,
  float,
  minimum,
  reverseOrder,
  select,
  unary,
} from './methods/arithmetic.ts';
import { matmul } from './methods/matmul.ts';
import * as move from './methods/movement.ts';
import { INSPECT, inspecting, NOT_CLONEABLE, print } from './methods/print.ts';
import { expectSingle, giveUp, read, readSync } from './methods/read.ts';
import { reducedCount, reduction, variance } from './methods/reduce.ts';
import { pointwise } from './primitives/pointwise.ts';
import type { TensorSpec } from './primitives/primitive.ts';
import { broadcastShapes, sizeOf, type Shape } from './array/shape.ts';
import type { View } from './array/view.ts';

/** The value of a tensor: elements in storage, one repeated number, or a variable of a traced program. */
export type TensorValue =
  | { readonly kind: 'stored'; readonly storage: Storage; readonly view: View }
  | { readonly kind: 'uniform'; readonly value: number; loss?: string } // loss: why it can no longer be used
  | { readonly kind: 'traced'; readonly tracer: Interpreter; readonly variable: number };

/**
 * An operand of arithmetic: a tensor, or a number. A number takes the tensor's dtype if that dtype holds it.
 * If dtypes differ, both become the wider one: bool, int32, float32. In float32, whole numbers are exact only
 * up to 2²⁴. Comparisons of int32 tensors with numbers are always exact.
 */
export type Operand = Tensor | number | boolean;

/** One axis, several, or `null` for all. */
export type Axes = number | readonly number[] | null;

/** Options of a reduction. */
export interface ReduceOptions {
  /** Keeps the reduced axes with size 1. Default false. */
  readonly keepDims?: boolean;
}

/** `[start, stop, step]` with Python semantics; `null` or missing entries take the default. */
export type SliceSpec =
  readonly [start?: number | null, stop?: number | null, step?: number | null] | null;

/**
 * An immutable n-dimensional array.
 *
 * Every method applies one or a few primitives through the seam, so the same code evaluates, traces
 * and differentiates. Arithmetic broadcasts as in NumPy. Movements are views: they copy nothing
 * unless strides cannot express the result.
 *
 * @example
 * const x = tensor([[1, 2], [3, 4]]);
 * const y = x.mul(2).sum(0); // float32[2]
 * console.log(await y.toArray()); // [8, 12]
 */
export class Tensor implements TensorSpec {
  /** Says why no tensor can be posted to a worker: `structuredClone` quotes this, the first field. */
  readonly notCloneable: symbol = NOT_CLONEABLE;
  readonly shape: Shape;
  readonly dtype: DType;
  /** For interpreters and backends. */
  readonly value: TensorValue;

  constructor(spec: TensorSpec, value: TensorValue) {
    this.shape = spec.shape;
    this.dtype = spec.dtype;
    this.value = value;
  }

  /** Number of dimensions. */
  get rank(): number {
    return this.shape.length;
  }

  /** Number of elements. */
  get size(): number {
    return sizeOf(this.shape);
  }

  // ── arithmetic ──────────────────────────────────────────────────────────────────────────────

  /** `a + b`. */
  add(b: Operand): Tensor {
    return binary(pointwise.add, this, b);
  }

  /** `a − b`. */
  sub(b: Operand): Tensor {
    return binary(pointwise.sub, this, b);
  }

  /** `a · b`. */
  mul(b: Operand): Tensor {
    return binary(pointwise.mul, this, b);
  }

  /** `a / b`, always float32. */
  div(b: Operand): Tensor {
    return binary(pointwise.div, float(this), float(b, 'div'));
  }

  /**
   * `a^b`, always float32, with the special values of IEEE 754. It is 1 for b = 0 and any a, for a = 1 and
   * any b, and for a = −1 and b = ±∞. On `cpu` the last bit is the engine's `Math.pow`, which differs between
   * versions of Node.
   */
  pow(b: Operand): Tensor {
    return binary(pointwise.pow, float(this), float(b, 'pow'));
  }

  /** `max(a, b)`; NaN if either is NaN. On ties each side gets half the gradient. */
  maximum(b: Operand): Tensor {
    return binary(pointwise.maximum, this, b);
  }

  /** `min(a, b)`; NaN if either is NaN. On ties each side gets half the gradient. */
  minimum(b: Operand): Tensor {
    return minimum(this, b);
  }

  /** `−x`. */
  neg(): Tensor {
    return unary(pointwise.neg, this);
  }

  /** `e^x`. */
  exp(): Tensor {
    return unary(pointwise.exp, float(this));
  }

  /** The natural logarithm. */
  log(): Tensor {
    return unary(pointwise.log, float(this));
  }

  /** `√x`. */
  sqrt(): Tensor {
    return unary(pointwise.sqrt, float(this));
  }

  /** `1 / √x`. */
  rsqrt(): Tensor {
    return this.sqrt().reciprocal();
  }

  /** `1 / x`. */
  reciprocal(): Tensor {
    return constant(1, 'float32', this.shape).div(this);
  }

  /** `x²`. */
  square(): Tensor {
    return this.mul(this);
  }

  /** The sine of x in radians. */
  sin(): Tensor {
    return unary(pointwise.sin, float(this));
  }

  /** The cosine of x in radians. */
  cos(): Tensor {
    return unary(pointwise.cos, float(this));
  }

  /** The hyperbolic tangent. */
  tanh(): Tensor {
    return unary(pointwise.tanh, float(this));
  }

  /** `1 / (1 + e^−x)`. */
  sigmoid(): Tensor {
    return unary(pointwise.sigmoid, float(this));
  }

  /** The error function `2/√π ∫₀ˣ e^−t² dt`. */
  erf(): Tensor {
    return unary(pointwise.erf, float(this));
  }

  /** The largest whole number not above x. */
  floor(): Tensor {
    return unary(pointwise.floor, float(this));
  }

  /** `|x|`, with gradient 0 at 0. */
  abs(): Tensor {
    return this.maximum(this.neg());
  }

  /** `max(x, 0)`, with gradient 0 at 0. */
  relu(): Tensor {
    return this.lessEqual(0).where(constant(0, this.dtype, []), this);
  }

  // ── comparison and logic, all giving bool ───────────────────────────────────────────────────

  /** `a < b`. */
  less(b: Operand): Tensor {
    return compare('less', this, b);
  }

  /** `a ≤ b`. */
  lessEqual(b: Operand): Tensor {
    return compare('lessEqual', this, b);
  }

  /** `a > b`. */
  greater(b: Operand): Tensor {
    return compare('less', this, b, 'greater');
  }

  /** `a ≥ b`. */
  greaterEqual(b: Operand): Tensor {
    return compare('lessEqual', this, b, 'greaterEqual');
  }

  /** `a = b`. */
  equal(b: Operand): Tensor {
    return compare('equal', this, b);
  }

  /** `a ≠ b`. */
  notEqual(b: Operand): Tensor {
    return this.equal(b).not();
  }

  /** Logical and of bools. */
  and(b: Tensor): Tensor {
    expectBool('and', this, b);
    broadcastShapes('and', this.shape, b.shape);
    return this.mul(b);
  }

  /** Logical or of bools. */
  or(b: Tensor): Tensor {
    expectBool('or', this, b);
    broadcastShapes('or', this.shape, b.shape);
    return this.maximum(b);
  }

  /** Logical not of bools. */
  not(): Tensor {
    expectBool('not', this);
    return this.equal(false);
  }

  /** `ifTrue` where this bool tensor is true, elsewhere `ifFalse`; all three broadcast. */
  where(ifTrue: Operand, ifFalse: Operand): Tensor {
    return select(this, ifTrue, ifFalse);
  }

  /** The same values as `dtype`. Floats truncate towards 0 for int32; for bool all values but 0 are true. */
  cast(dtype: DType): Tensor {
    checkDType('cast', dtype);
    return dtype === this.dtype ? this : apply(pointwise.cast, [this], { dtype })[0];
  }

  // ── contraction ─────────────────────────────────────────────────────────────────────────────

  /**
   * The matrix product `[..., M, K] · [..., K, N] → [..., M, N]`. A vector on the left counts as `[1, K]`, on
   * the right as `[K, 1]`, and the result drops the added dimension. Batch dimensions broadcast.
   *
   * @throws ShapeError if the inner dimensions differ or the batch dimensions do not broadcast.
   */
  matmul(b: Tensor): Tensor {
    return matmul(this, b);
  }

  // ── movement ────────────────────────────────────────────────────────────────────────────────

  /** The same elements in row-major order under another shape; one size may be -1. */
  reshape(shape: Shape): Tensor {
    return move.reshape(this, shape);
  }

  /** Reorders the dimensions: dimension i of the result is dimension `axes[i]` of x. */
  permute(axes: readonly number[]): Tensor {
    return move.permute(this, axes);
  }

  /** Swaps two dimensions, by default the last two. */
  transpose(a = -2, b = -1): Tensor {
    return move.transpose(this, a, b);
  }

  /** Broadcasts to `shape`, aligned at the last dimension. */
  expand(shape: Shape): Tensor {
    return move.expand(this, shape);
  }

  /** Drops a dimension of size 1, or all of them. */
  squeeze(axis: number | null = null): Tensor {
    return move.squeeze(this, axis);
  }

  /** Inserts a dimension of size 1 that becomes `axis` of the result. */
  unsqueeze(axis: number): Tensor {
    return move.unsqueeze(this, axis);
  }

  /** Joins the dimensions `start` to `end` (both included) into one. */
  flatten(start = 0, end = -1): Tensor {
    return move.flatten(this, start, end);
  }

  /** Takes Python slices of the leading dimensions; `null` takes all of one. */
  slice(ranges: readonly SliceSpec[]): Tensor {
    return move.slice(this, ranges);
  }

  /** The entry `index` (negative counts from the end) along `axis`; the result lacks the axis. */
  select(axis: number, index: number): Tensor {
    return move.select(this, axis, index);
  }

  /** Reverses the order along `axes` (default all). */
  flip(axes: Axes = null): Tensor {
    return move.flip(this, axes);
  }

  /** Surrounds x by `value`, a number of its dtype: `[before, after]` for each dimension. */
  pad(amounts: readonly (readonly [number, number])[], value = 0): Tensor {
    return move.pad(this, amounts, value);
  }

  /** Pieces of the given sizes along `axis`, in order. */
  split(sizes: readonly number[], axis: number): Tensor[] {
    return move.split(this, sizes, axis);
  }

  /** `count` equal pieces along `axis`. */
  chunk(count: number, axis: number): Tensor[] {
    return move.chunk(this, count, axis);
  }

  // ── reduction ───────────────────────────────────────────────────────────────────────────────

  /** The sum over `axes` (default all). */
  sum(axes: Axes = null, options: ReduceOptions = {}): Tensor {
    const x = this.dtype === 'bool' ? this.cast('int32') : this;
    return reduction('sum', x, axes, options);
  }

  /** The mean over `axes` (default all), float32. */
  mean(axes: Axes = null, options: ReduceOptions = {}): Tensor {
    const count = reducedCount('mean', this, axes);
    return reduction('sum', float(this), axes, options, 'mean').div(count);
  }

  /** The largest element over `axes` (default all); of bools whether any is true. Ties share gradients. */
  max(axes: Axes = null, options: ReduceOptions = {}): Tensor {
    if (this.dtype === 'bool') return this.cast('int32').max(axes, options).cast('bool');
    return reduction('max', this, axes, options);
  }

  /** The smallest element over `axes` (default all), for bools whether all are. Ties share the gradient. */
  min(axes: Axes = null, options: ReduceOptions = {}): Tensor {
    if (this.dtype === 'bool') return this.cast('int32').min(axes, options).cast('bool');
    return reverseOrder(reduction('max', reverseOrder(this), axes, options, 'min'));
  }

  /**
   * The variance over `axes`, divided by `max(0, N − correction)` (default 1, the unbiased estimate). If the
   * divisor is 0, it is infinite or NaN; without elements it is NaN.
   */
  variance(
    axes: Axes = null,
    options: ReduceOptions & { readonly correction?: number } = {},
  ): Tensor {
    return variance(this, axes, options);
  }

  // ── reading ─────────────────────────────────────────────────────────────────────────────────

  /**
   * The elements in row-major order. The array is a view of the storage, without a copy, if it is row-major
   * and visible to JavaScript; so never write to it.
   *
   * @example
   * setDefaultBackend(cpuBackend());
   * const numbers = Float32Array.of(1, 2, 3);
   * (await tensor(numbers).data()).buffer === numbers.buffer; // true: no copy in, none out
   */
  data(): Promise<TypedArray> {
    return read(this);
  }

  /**
   * Like {@link data}, but at once; also a view if possible. Throws a StateError on a backend that can only
   * read asynchronously.
   */
  dataSync(): TypedArray {
    return readSync(this);
  }

  /** The only element, as a number (bool: 0 or 1). */
  async item(): Promise<number> {
    expectSingle(this);
    return (await this.data())[0];
  }

  /** Like {@link item}, but at once. */
  itemSync(): number {
    expectSingle(this);
    return this.dataSync()[0];
  }

  /** The elements as nested arrays (a number for a scalar). */
  async toArray(): Promise<NestedArray> {
    return nestElements(await this.data(), this.shape);
  }

  /** Like {@link toArray}, but at once. */
  toArraySync(): NestedArray {
    return nestElements(this.dataSync(), this.shape);
  }

  /** For `JSON.stringify`: like {@link toArraySync}. JSON writes null for NaN and infinities. */
  toJSON(): NestedArray {
    return this.toArraySync();
  }

  /** Frees the memory at once, as `using` does at the end of a block. The tensor and its views then throw. */
  dispose(): void {
    giveUp(this);
  }

  [Symbol.dispose](): void {
    giveUp(this);
  }

  /** Dtype, shape and values (some of more than 1000), or why there are none. Node's console shows it. */
  toString(): string {
    return print(this);
  }
}

Object.defineProperty(Tensor.prototype, INSPECT, inspecting);
