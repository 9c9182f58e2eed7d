// Makes tensors from numbers, nested lists and typed arrays, or filled with zeros, ones or a ramp.

import { checkOptions, kindOf } from './arguments.ts';
import { defaultBackend } from './backends/default-backend.ts';
import {
  allocateArray,
  checkDType,
  dtypeOfArray,
  type DType,
  type TypedArray,
} from './array/dtype.ts';
import { FormatError, formatShape, ShapeError, ValueError } from './errors.ts';
import { apply } from './interpreter.ts';
import { source } from './primitives/source.ts';
import { checkShape, sizeOf, type Shape } from './array/shape.ts';
import { checkNumber, constant } from './methods/arithmetic.ts';
import { Tensor } from './tensor.ts';
import { contiguousView } from './array/view.ts';

/** Nested arrays of numbers or booleans, all rows of one length. */
export type TensorData = number | boolean | readonly TensorData[];

/** Options of {@link tensor}. */
export interface TensorOptions {
  /** Default: float32 for numbers, bool for booleans, the dtype of a typed array. */
  readonly dtype?: DType;
  /** Default: the nesting of the arrays, `[length]` for typed arrays. */
  readonly shape?: Shape;
}

/**
 * Makes a tensor of given elements. A typed array is used in place, without a copy, if it has the dtype.
 * Numbers are rounded to float32. An int32 or bool tensor throws for a number that it cannot hold exactly.
 *
 * @param data Nested arrays, a number or boolean (shape `[]`), or a typed array in row-major order.
 * @throws ShapeError if rows differ in length or `shape` does not fit the number of elements; ValueError if
 *   the dtype cannot hold a number, or if the options are a shape
 * @example
 * const x = tensor([[1, 2, 3], [4, 5, 6]]); // float32[2, 3]
 * const ids = tensor([7, 0, 4], { dtype: 'int32' }); // int32[3]
 * const y = tensor(new Float32Array(6), { shape: [3, 2] }); // float32[3, 2]
 */
export function tensor(data: TensorData | TypedArray, options: TensorOptions = {}): Tensor {
  const { elements, shape, natural } = ArrayBuffer.isView(data)
    ? { elements: data, shape: [data.length], natural: dtypeOfArray(data) }
    : flattenNested(data);
  if (Array.isArray(options)) {
    throw new ValueError(
      'tensor',
      `the second argument must be options, but is an array. Write { shape: ${formatShape(options)} }.`,
    );
  }
  checkOptions('tensor', options, ['dtype', 'shape']);
  const target = options.shape ?? shape;
  checkShape('tensor', target);
  if (sizeOf(target) !== elements.length) {
    throw new ShapeError(
      'tensor',
      `${elements.length} elements do not fill shape ${formatShape(target)} (${sizeOf(target)} elements).`,
      [target],
    );
  }
  const dtype = options.dtype ?? natural;
  checkDType('tensor', dtype);
  const storage = defaultBackend().store(convert(elements, dtype), dtype);
  return new Tensor(
    { shape: [...target], dtype },
    { kind: 'stored', storage, view: contiguousView([...target]) },
  );
}

/**
 * Makes a scalar tensor.
 *
 * @example
 * scalar(1.5); // 1.5
 * scalar(true); // bool[]
 */
export function scalar(value: number | boolean, dtype?: DType): Tensor {
  return filled('scalar', [], value, dtype ?? (typeof value === 'boolean' ? 'bool' : 'float32'));
}

/**
 * Makes a tensor of `shape` that holds `value` everywhere. It takes no memory until an operation writes it.
 *
 * @example
 * full([2, 2], 7); // [[7, 7], [7, 7]]
 * full([2], false); // [false, false]
 */
export function full(shape: Shape, value: number | boolean, dtype?: DType): Tensor {
  return filled('full', shape, value, dtype ?? (typeof value === 'boolean' ? 'bool' : 'float32'));
}

/** Like {@link full}; errors name `op`. */
export function filled(op: string, shape: Shape, value: number | boolean, dtype: DType): Tensor {
  checkShape(op, shape);
  checkDType(op, dtype);
  const number = Number(value);
  checkNumber(op, number, dtype);
  return constant(number, dtype, shape);
}

/**
 * Makes a tensor of zeros.
 *
 * @example
 * zeros([2, 3]); // [[0, 0, 0], [0, 0, 0]]
 */
export function zeros(shape: Shape, dtype: DType = 'float32'): Tensor {
  return filled('zeros', shape, 0, dtype);
}

/**
 * Makes a tensor of ones.
 *
 * @example
 * ones([3]); // [1, 1, 1]
 */
export function ones(shape: Shape, dtype: DType = 'float32'): Tensor {
  return filled('ones', shape, 1, dtype);
}

/**
 * Counts the whole numbers `0 … count − 1`, int32 by default. With two numbers or more, as in NumPy, counts
 * from `start` up to, but not including, `stop` in steps of `step` (default 1). float32 holds whole numbers
 * exactly up to 2²⁴.
 *
 * The second form is int32 if all three numbers are whole, else float32. Each number is `start + i · step`,
 * rounded once. If the step is not a binary fraction, use `linspace`, whose last number is certain.
 *
 * @throws ValueError if the count is not a whole number, a number is not finite, the step is 0, or the dtype
 *   cannot hold a number.
 * @example
 * arange(4); // [0, 1, 2, 3]
 * arange(4, 'float32').mul(0.5).add(1); // [1, 1.5, 2, 2.5]
 * arange(2, 10, 3); // [2, 5, 8]
 * arange(1, 0, -0.25); // [1, 0.75, 0.5, 0.25]
 */
export function arange(count: number, dtype?: DType): Tensor;
export function arange(start: number, stop: number, step?: number, dtype?: DType): Tensor;
export function arange(
  first: number,
  second: number | DType = 'int32',
  step = 1,
  dtype?: DType,
): Tensor {
  if (typeof second === 'number') return steps(first, second, step, dtype);
  checkCount('arange', 'count', first);
  return apply(source.iota, [], { size: first })[0].cast(second);
}

function steps(start: number, stop: number, step: number, given?: DType): Tensor {
  const numbers = [start, stop, step];
  const count = Math.max(0, Math.ceil((stop - start) / step));
  if (!numbers.every(Number.isFinite) || !Number.isSafeInteger(count)) {
    throw new ValueError(
      'arange',
      `start, stop and step must be finite, and step not 0, but got ${numbers.map(kindOf).join(', ')}.`,
    );
  }
  const dtype = given ?? (numbers.every(Number.isInteger) ? 'int32' : 'float32');
  const elements = Array.from({ length: count }, (_, i) => start + i * step);
  if (dtype === 'float32') return tensor(Float32Array.from(elements));
  checkDType('arange', dtype);
  for (const element of elements) checkNumber('arange', element, dtype);
  return tensor(Int32Array.from(elements)).cast(dtype);
}

/**
 * Makes the identity matrix `[n, n]`.
 *
 * @example
 * eye(2); // [[1, 0], [0, 1]]
 */
export function eye(n: number, dtype: DType = 'float32'): Tensor {
  checkCount('eye', 'n', n);
  const index = arange(n);
  return index.unsqueeze(1).equal(index.unsqueeze(0)).cast(dtype);
}

/** Options of {@link linspace}. */
export interface LinspaceOptions {
  /** Whether `stop` is the last number; otherwise it would be the next one. Default true. */
  readonly endpoint?: boolean;
}

/**
 * Makes `count` evenly spaced numbers from `start` to `stop`, both included exactly.
 *
 * @throws ValueError if an end is not finite, or the count is not a whole number.
 * @example
 * linspace(0, 1, 5); // [0, 0.25, 0.5, 0.75, 1]
 * linspace(0, 1, 4, { endpoint: false }); // [0, 0.25, 0.5, 0.75]
 */
export function linspace(
  start: number,
  stop: number,
  count: number,
  options: LinspaceOptions = {},
): Tensor {
  checkCount('linspace', 'count', count);
  checkOptions('linspace', options, ['endpoint']);
  if (!Number.isFinite(start) || !Number.isFinite(stop)) {
    throw new ValueError(
      'linspace',
      `the ends must be finite, but got ${kindOf(start)} and ${kindOf(stop)}.`,
    );
  }
  const last = options.endpoint === false ? count : Math.max(1, count - 1);
  const at = (i: number): number => (i === last ? stop : start + i * ((stop - start) / last));
  return tensor(allocateArray('float32', count, 'linspace').map((_, i) => at(i)));
}

function checkCount(op: string, name: string, count: number): void {
  if (Number.isSafeInteger(count) && count >= 0) return;
  throw new ValueError(
    op,
    `${name} must be a whole number of at least 0, but got ${kindOf(count)}.`,
  );
}

/** The numbers as an array of `dtype`, in place if it is one. Throws for bytes that are not bools. */
function convert(elements: readonly number[] | TypedArray, dtype: DType): TypedArray {
  const inPlace = ArrayBuffer.isView(elements) && dtypeOfArray(elements) === dtype;
  const converted = inPlace ? elements : allocateArray(dtype, elements.length, 'tensor');
  if (inPlace && dtype !== 'bool') return converted;
  for (let i = 0; i < elements.length; i++) {
    checkNumber('tensor', elements[i], dtype, i);
    converted[i] = elements[i];
  }
  return converted;
}

function flattenNested(data: TensorData): { elements: number[]; shape: number[]; natural: DType } {
  const shape: number[] = [];
  for (let level = data; Array.isArray(level); level = level[0] as TensorData) {
    shape.push(level.length);
    if (level.length === 0) break;
  }
  const flat: (number | boolean)[] = [];
  const visit = (node: TensorData, depth: number): void => {
    if (!Array.isArray(node)) {
      if (depth !== shape.length) throw ragged(shape);
      flat.push(node as number | boolean);
      return;
    }
    if (node.length !== shape[depth]) throw ragged(shape);
    for (const child of node as readonly TensorData[]) visit(child, depth + 1);
  };
  visit(data, 0);
  const kinds = new Set(flat.map(elementKind));
  if (kinds.size > 1 || [...kinds].some((kind) => kind !== 'number' && kind !== 'boolean')) {
    const hint = kinds.has(TYPED_ARRAYS)
      ? ' Pass one typed array and { shape }, or Array.from of each.'
      : '';
    throw new FormatError(
      'tensor',
      `elements must be all numbers or all booleans, but got ${[...kinds].join(' and ')}.${hint}`,
    );
  }
  return { elements: flat.map(Number), shape, natural: kinds.has('boolean') ? 'bool' : 'float32' };
}

const TYPED_ARRAYS = 'typed arrays in an array';

function elementKind(value: unknown): string {
  if (ArrayBuffer.isView(value)) return TYPED_ARRAYS;
  return value === null ? 'null' : typeof value;
}

function ragged(shape: Shape): ShapeError {
  return new ShapeError(
    'tensor',
    `the rows differ in length or depth; the first ones make up ${formatShape(shape)}. Pad them to one length.`,
    [shape],
  );
}
