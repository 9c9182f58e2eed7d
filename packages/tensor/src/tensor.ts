import type { Storage } from './backend.ts';
import { promoteDTypes, type DType, type TypedArray } from './dtype.ts';
import { DTypeError, formatShape, ShapeError, StateError, ValueError } from './errors.ts';
import { apply, type Interpreter } from './interpreter.ts';
import { assembly, movement } from './primitives/movement.ts';
import { contract } from './primitives/contract.ts';
import { pointwise } from './primitives/pointwise.ts';
import type { NoParams, PointwisePrimitive, TensorSpec } from './primitives/primitive.ts';
import { reduce } from './primitives/reduce.ts';
import { literal } from './primitives/source.ts';
import {
  broadcastShapes,
  inferReshape,
  normalizeAxes,
  normalizeAxis,
  resolveSlice,
  sameShape,
  sizeOf,
  type Shape,
} from './shape.ts';
import { gatherElements, nestElements, type NestedArray } from './elements.ts';
import type { View } from './view.ts';

/** What stands behind a tensor: elements in storage, one repeated number, or a variable of a program being traced. */
export type TensorValue =
  | { readonly kind: 'stored'; readonly storage: Storage; readonly view: View }
  | { readonly kind: 'uniform'; readonly value: number }
  | { readonly kind: 'traced'; readonly tracer: Interpreter; readonly variable: number };

/** An operand of arithmetic: a tensor, or a number that takes the tensor's dtype where it can. */
export type Operand = Tensor | number | boolean;

/** One axis, several, or `null` for all. */
export type Axes = number | readonly number[] | null;

/** Options of a reduction. */
export interface ReduceOptions {
  /** Keeps the reduced axes with size 1. Default false. */
  readonly keepDims?: boolean;
}

/** `[start, stop, step]` with Python semantics; `null` or missing entries take the default. */
export type SliceSpec = readonly [start?: number | null, stop?: number | null, step?: number | null] | null;

/**
 * An immutable n-dimensional array.
 *
 * Every method applies one or a few primitives through the seam, so the same code evaluates, traces
 * and differentiates. Arithmetic broadcasts as in NumPy. Movements are views: they copy nothing
 * unless strides cannot express the result.
 *
 * @example
 * const x = tensor([[1, 2], [3, 4]]);
 * const y = x.mul(2).sum(0); // [2]
 * console.log(await y.toArray()); // [8, 12]
 */
export class Tensor implements TensorSpec {
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
    return binary(pointwise.div, float(this), floatOperand(b));
  }

  /** `a^b`, always float32. */
  pow(b: Operand): Tensor {
    return binary(pointwise.pow, float(this), floatOperand(b));
  }

  /** `max(a, b)`; NaN if either is. At ties each side gets half the gradient. */
  maximum(b: Operand): Tensor {
    return binary(pointwise.maximum, this, b);
  }

  /** `min(a, b)`; NaN if either is. At ties each side gets half the gradient. */
  minimum(b: Operand): Tensor {
    const other = b instanceof Tensor ? b.neg() : -b;
    return this.neg().maximum(other).neg();
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
    return binary(pointwise.less, this, b);
  }

  /** `a ≤ b`. */
  lessEqual(b: Operand): Tensor {
    return binary(pointwise.lessEqual, this, b);
  }

  /** `a > b`. */
  greater(b: Operand): Tensor {
    return asTensor(b, this).less(this);
  }

  /** `a ≥ b`. */
  greaterEqual(b: Operand): Tensor {
    return asTensor(b, this).lessEqual(this);
  }

  /** `a = b`. */
  equal(b: Operand): Tensor {
    return binary(pointwise.equal, this, b);
  }

  /** `a ≠ b`. */
  notEqual(b: Operand): Tensor {
    return this.equal(b).not();
  }

  /** Logical and of bools. */
  and(b: Tensor): Tensor {
    expectBool('and', this, b);
    return this.mul(b);
  }

  /** Logical or of bools. */
  or(b: Tensor): Tensor {
    expectBool('or', this, b);
    return this.maximum(b);
  }

  /** Logical not of bools. */
  not(): Tensor {
    expectBool('not', this);
    return this.equal(false);
  }

  /** Where this bool tensor is true `ifTrue`, elsewhere `ifFalse`; all three broadcast. */
  where(ifTrue: Operand, ifFalse: Operand): Tensor {
    expectBool('where', this);
    const like = ifTrue instanceof Tensor ? ifTrue : ifFalse instanceof Tensor ? ifFalse : constant(0, 'float32', []);
    const a = asTensor(ifTrue, like);
    const b = asTensor(ifFalse, like);
    const dtype = promoteDTypes(a.dtype, b.dtype);
    const shape = broadcastShapes('where', this.shape, a.shape, b.shape);
    return apply(
      pointwise.where,
      [this.expand(shape), a.cast(dtype).expand(shape), b.cast(dtype).expand(shape)],
      {},
    )[0];
  }

  /** The same values as `dtype`: floats truncate towards 0, anything but 0 is true. */
  cast(dtype: DType): Tensor {
    return dtype === this.dtype ? this : apply(pointwise.cast, [this], { dtype })[0];
  }

  // ── contraction ─────────────────────────────────────────────────────────────────────────────

  /**
   * The matrix product `[..., M, K] · [..., K, N] → [..., M, N]`. A vector on the left counts as
   * `[1, K]`, on the right as `[K, 1]`, and the added dimension disappears again; batch dimensions
   * broadcast.
   *
   * @throws ShapeError if the inner dimensions differ or the batch dimensions do not broadcast.
   */
  matmul(b: Tensor): Tensor {
    if (this.rank === 0 || b.rank === 0) {
      throw new ShapeError(
        'matmul',
        `a is ${formatShape(this.shape)}, b is ${formatShape(b.shape)}: scalars have no inner dimension. Use mul.`,
        [this.shape, b.shape],
      );
    }
    if (this.rank === 1) return this.unsqueeze(0).matmul(b).squeeze(b.rank === 1 ? 0 : -2);
    if (b.rank === 1) return this.matmul(b.unsqueeze(1)).squeeze(-1);
    checkInnerDimensions(this.shape, b.shape);
    const columns = b.shape[b.rank - 1];
    if (b.rank === 2 && this.rank > 2) {
      const rows = this.reshape([sizeOf(this.shape.slice(0, -1)), this.shape[this.rank - 1]]);
      return rows.matmul(b).reshape([...this.shape.slice(0, -1), columns]);
    }
    const batch = broadcastShapes('matmul (batch dimensions)', this.shape.slice(0, -2), b.shape.slice(0, -2));
    const left = this.expand([...batch, ...this.shape.slice(-2)]);
    const right = b.expand([...batch, ...b.shape.slice(-2)]);
    return apply(contract.matmul, [left, right], {})[0];
  }

  // ── movement ────────────────────────────────────────────────────────────────────────────────

  /** The same elements in row-major order under another shape; one size may be -1. */
  reshape(shape: Shape): Tensor {
    const target = inferReshape('reshape', this.shape, shape);
    return sameShape(target, this.shape) ? this : apply(movement.reshape, [this], { shape: target })[0];
  }

  /** Reorders the dimensions: dimension i of the result is dimension `axes[i]` of x. */
  permute(axes: readonly number[]): Tensor {
    const order = axes.map((axis) => normalizeAxis('permute', axis, this.rank));
    const still = order.length === this.rank && order.every((axis, i) => axis === i);
    return still ? this : apply(movement.permute, [this], { axes: order })[0];
  }

  /** Swaps two dimensions, by default the last two. */
  transpose(a = -2, b = -1): Tensor {
    const order = this.shape.map((_, i) => i);
    const first = normalizeAxis('transpose', a, this.rank);
    const second = normalizeAxis('transpose', b, this.rank);
    order[first] = second;
    order[second] = first;
    return this.permute(order);
  }

  /** Broadcasts to `shape`, aligned at the last dimension. */
  expand(shape: Shape): Tensor {
    return sameShape(shape, this.shape) ? this : apply(movement.expand, [this], { shape })[0];
  }

  /** Drops a dimension of size 1, or all of them. */
  squeeze(axis?: number | null): Tensor {
    if (axis === undefined || axis === null) return this.reshape(this.shape.filter((n) => n !== 1));
    const at = normalizeAxis('squeeze', axis, this.rank);
    if (this.shape[at] !== 1) {
      throw new ShapeError('squeeze', `axis ${axis} of ${formatShape(this.shape)} has size ${this.shape[at]}, not 1.`, [
        this.shape,
      ]);
    }
    return this.reshape(this.shape.filter((_, i) => i !== at));
  }

  /** Inserts a dimension of size 1 that becomes `axis` of the result. */
  unsqueeze(axis: number): Tensor {
    const at = normalizeAxis('unsqueeze', axis, this.rank + 1);
    return this.reshape([...this.shape.slice(0, at), 1, ...this.shape.slice(at)]);
  }

  /** Joins the dimensions `start` to `end` (both included) into one. */
  flatten(start = 0, end = -1): Tensor {
    if (this.rank === 0) return this.reshape([1]);
    const from = normalizeAxis('flatten', start, this.rank);
    const to = normalizeAxis('flatten', end, this.rank);
    const joined = sizeOf(this.shape.slice(from, to + 1));
    return this.reshape([...this.shape.slice(0, from), joined, ...this.shape.slice(to + 1)]);
  }

  /** Python slices of the leading dimensions; `null` takes all of one. */
  slice(ranges: readonly SliceSpec[]): Tensor {
    if (ranges.length > this.rank) {
      throw new ShapeError('slice', `${ranges.length} ranges for ${formatShape(this.shape)} of rank ${this.rank}.`, [
        this.shape,
      ]);
    }
    const resolved = this.shape.map((n, i) => resolveSlice('slice', ranges[i] ?? [], n));
    if (resolved.every(({ size, step }, i) => size === this.shape[i] && step === 1)) return this;
    return apply(movement.slice, [this], {
      starts: resolved.map(({ start }) => start),
      sizes: resolved.map(({ size }) => size),
      steps: resolved.map(({ step }) => step),
    })[0];
  }

  /** Entry `index` (negative counts from the end) along `axis`, which disappears. */
  select(axis: number, index: number): Tensor {
    const at = normalizeAxis('select', axis, this.rank);
    const n = this.shape[at];
    if (!Number.isInteger(index) || index < -n || index >= n) {
      throw new ValueError('select', `index ${index} is outside axis ${axis} of ${formatShape(this.shape)}.`);
    }
    const start = index < 0 ? index + n : index;
    return this.slice(this.shape.map((_, i) => (i === at ? [start, start + 1] : null))).squeeze(at);
  }

  /** Reverses the order along `axes` (default all). */
  flip(axes: Axes = null): Tensor {
    const flipped = normalizeAxes('flip', axes, this.rank);
    return this.slice(this.shape.map((_, i) => (flipped.includes(i) ? [null, null, -1] : null)));
  }

  /** Surrounds x by `value`: `[before, after]` for each dimension. */
  pad(amounts: readonly (readonly [number, number])[], value = 0): Tensor {
    if (amounts.length !== this.rank) {
      throw new ShapeError(
        'pad',
        `${amounts.length} [before, after] pairs for ${formatShape(this.shape)}: one for each dimension expected.`,
        [this.shape],
      );
    }
    const params = {
      before: amounts.map(([before]) => before),
      after: amounts.map(([, after]) => after),
      interior: amounts.map(() => 0),
    };
    if (amounts.every(([before, after]) => before === 0 && after === 0)) return this;
    const padded = apply(assembly.pad, [this], params)[0];
    if (value === 0) return padded;
    return apply(assembly.pad, [constant(1, 'bool', this.shape)], params)[0].where(padded, value);
  }

  /** Pieces of the given sizes along `axis`, in order. */
  split(sizes: readonly number[], axis: number): Tensor[] {
    const at = normalizeAxis('split', axis, this.rank);
    if (sizes.reduce((sum, n) => sum + n, 0) !== this.shape[at]) {
      throw new ShapeError(
        'split',
        `sizes [${sizes.join(', ')}] do not add up to ${this.shape[at]}, the size of axis ${axis} of ${formatShape(this.shape)}.`,
        [this.shape],
      );
    }
    let start = 0;
    return sizes.map((n) => {
      const piece = this.slice(this.shape.map((_, i) => (i === at ? [start, start + n] : null)));
      start += n;
      return piece;
    });
  }

  /** `count` equal pieces along `axis`. */
  chunk(count: number, axis: number): Tensor[] {
    const n = this.shape[normalizeAxis('chunk', axis, this.rank)];
    if (!Number.isInteger(count) || count < 1 || n % count !== 0) {
      throw new ShapeError('chunk', `axis ${axis} of ${formatShape(this.shape)} does not divide into ${count} equal parts.`, [
        this.shape,
      ]);
    }
    return this.split(new Array<number>(count).fill(n / count), axis);
  }

  // ── reduction ───────────────────────────────────────────────────────────────────────────────

  /** The sum over `axes` (default all). */
  sum(axes: Axes = null, options: ReduceOptions = {}): Tensor {
    const x = this.dtype === 'bool' ? this.cast('int32') : this;
    return reduction('sum', x, axes, options);
  }

  /** The mean over `axes` (default all), float32. */
  mean(axes: Axes = null, options: ReduceOptions = {}): Tensor {
    const count = normalizeAxes('mean', axes, this.rank).reduce((n, axis) => n * this.shape[axis], 1);
    return float(this).sum(axes, options).div(count);
  }

  /** The largest element over `axes` (default all); ties share the gradient evenly. */
  max(axes: Axes = null, options: ReduceOptions = {}): Tensor {
    return reduction('max', this, axes, options);
  }

  /** The smallest element over `axes` (default all); ties share the gradient evenly. */
  min(axes: Axes = null, options: ReduceOptions = {}): Tensor {
    return this.neg().max(axes, options).neg();
  }

  /** The variance over `axes`, divided by `N − correction` (default 1, the unbiased estimate). */
  variance(axes: Axes = null, options: ReduceOptions & { readonly correction?: number } = {}): Tensor {
    const count = normalizeAxes('variance', axes, this.rank).reduce((n, axis) => n * this.shape[axis], 1);
    const centered = this.sub(this.mean(axes, { keepDims: true }));
    return centered.square().sum(axes, options).div(count - (options.correction ?? 1));
  }

  // ── reading ─────────────────────────────────────────────────────────────────────────────────

  /** The elements in row-major order, as a view or copy that must not be written to. */
  async data(): Promise<TypedArray> {
    const { value } = this;
    if (value.kind !== 'stored') return this.dataSync();
    return gatherElements(await value.storage.backend.read(value.storage), this.dtype, value.view);
  }

  /** As {@link data}, at once. Throws a StateError on a backend that can only read asynchronously. */
  dataSync(): TypedArray {
    const { value } = this;
    if (value.kind === 'traced') {
      throw new StateError(
        'data',
        `the values of ${this.toString()} are not known while compile traces the function. Return the tensor and read it outside.`,
      );
    }
    if (value.kind === 'uniform') return gatherElements([value.value], this.dtype, uniformView(this.shape));
    return gatherElements(value.storage.backend.readSync(value.storage), this.dtype, value.view);
  }

  /** The only element, as a number (bool: 0 or 1). */
  async item(): Promise<number> {
    expectSingle(this);
    return (await this.data())[0];
  }

  /** As {@link item}, at once. */
  itemSync(): number {
    expectSingle(this);
    return this.dataSync()[0];
  }

  /** The elements as nested arrays (a number for a scalar). */
  async toArray(): Promise<NestedArray> {
    return nestElements(await this.data(), this.shape);
  }

  /** As {@link toArray}, at once. */
  toArraySync(): NestedArray {
    return nestElements(this.dataSync(), this.shape);
  }

  /** Frees the storage now; this tensor and every view of it refuse any further use. */
  [Symbol.dispose](): void {
    if (this.value.kind === 'stored') this.value.storage.backend.release(this.value.storage);
  }

  toString(): string {
    return `${this.dtype}${formatShape(this.shape)}`;
  }
}

/** A tensor that holds `value` everywhere. */
export function constant(value: number, dtype: DType, shape: Shape): Tensor {
  return apply(literal, [], { value, dtype })[0].expand(shape);
}

/** `x` as a tensor; a number takes the dtype of `like` if it fits there. */
function asTensor(x: Operand, like: Tensor): Tensor {
  if (x instanceof Tensor) return x;
  if (typeof x === 'boolean') return constant(Number(x), 'bool', []);
  const dtype = Number.isInteger(x) && like.dtype !== 'bool' ? like.dtype : 'float32';
  return constant(x, dtype, []);
}

function binary(primitive: PointwisePrimitive<NoParams>, a: Tensor, b: Operand): Tensor {
  const other = asTensor(b, a);
  const dtype = promoteDTypes(a.dtype, other.dtype);
  const shape = broadcastShapes(primitive.name, a.shape, other.shape);
  return apply(primitive, [a.cast(dtype).expand(shape), other.cast(dtype).expand(shape)], {})[0];
}

function unary(primitive: PointwisePrimitive<NoParams>, x: Tensor): Tensor {
  return apply(primitive, [x], {})[0];
}

function float(x: Tensor): Tensor {
  return x.cast('float32');
}

function floatOperand(x: Operand): Tensor {
  return x instanceof Tensor ? float(x) : constant(Number(x), 'float32', []);
}

function reduction(name: keyof typeof reduce, x: Tensor, axes: Axes, { keepDims = false }: ReduceOptions): Tensor {
  const list = normalizeAxes(name, axes, x.rank);
  const reduced = list.length === 0 ? x : apply(reduce[name], [x], { axes: list })[0];
  return keepDims ? reduced.reshape(x.shape.map((n, i) => (list.includes(i) ? 1 : n))) : reduced;
}

function checkInnerDimensions(a: Shape, b: Shape): void {
  const k = a[a.length - 1];
  const k2 = b[b.length - 2];
  if (k === k2) return;
  const hint =
    k === b[b.length - 1]
      ? ' Did you mean b.transpose(-1, -2)?'
      : k2 === a[a.length - 2]
        ? ' Did you mean a.transpose(-1, -2)?'
        : ' The last size of a must equal the second-to-last of b.';
  throw new ShapeError(
    'matmul',
    `inner dimensions differ: a is ${formatShape(a)} (K = ${k}), b is ${formatShape(b)} (K = ${k2}).${hint}`,
    [a, b],
  );
}

function expectBool(op: string, ...tensors: Tensor[]): void {
  if (tensors.every(({ dtype }) => dtype === 'bool')) return;
  const dtypes = tensors.map(({ dtype }) => dtype);
  throw new DTypeError(op, `takes bool, but got ${dtypes.join(' and ')}. Compare first, e.g. x.greater(0).`, dtypes);
}

function expectSingle(x: Tensor): void {
  if (x.size === 1) return;
  throw new ShapeError('item', `${x.toString()} holds ${x.size} elements, not one. Use data() or toArray().`, [x.shape]);
}

function uniformView(shape: Shape): View {
  return { shape, strides: shape.map(() => 0), offset: 0 };
}
