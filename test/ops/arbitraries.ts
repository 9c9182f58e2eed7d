/** Families of cases: an operation among random views, broadcasts, axes and geometries. */
import {
  broadcastable,
  broadcastPairs,
  floats,
  lengths,
  shapes,
  spacedFloats,
  views,
  type FloatOptions,
} from '@tessera/autograd/testing';
import { tensor, type Shape, type Tensor } from '@tessera/tensor';
import type { Conv2dGeometry } from '@tessera/tensor/extend';
import fc from 'fast-check';
import type { Cases, OpCase, OpFunction } from './row.ts';

/** Elements that stay about 1 when summed over. */
const UNIT = { min: -1, max: 1 };

/** Random elements of a tensor of a shape. */
export type Elements = (shape: Shape) => fc.Arbitrary<Tensor>;

/** Elements from an interval. */
export function within(interval: FloatOptions): Elements {
  return (shape) => floats(shape, interval);
}

/** Whole numbers from 0 to `count − 1`, as int32. */
export function ids(count: number): Elements {
  return (shape) =>
    fc
      .array(fc.nat(count - 1), { minLength: sizeOf(shape), maxLength: sizeOf(shape) })
      .map((values) => tensor(Int32Array.from(values), { shape }));
}

/** Truth values. */
export const bools: Elements = (shape) => ids(2)(shape).map((x) => x.cast('bool'));

function sizeOf(shape: Shape): number {
  return shape.reduce((a, b) => a * b, 1);
}

/** `f` of operands of fixed shapes, with elements of one kind or of one kind each. */
export function shaped(
  f: OpFunction,
  operands: readonly Shape[],
  elements: Elements | readonly Elements[] = floats,
): Cases {
  const inputs = operands.map((shape, i) =>
    (typeof elements === 'function' ? elements : elements[i])(shape),
  );
  return () => fc.tuple(...inputs).map((drawn) => ({ f, inputs: drawn }));
}

/** `f` of just these operands. */
export function fixed(f: OpFunction, ...inputs: readonly Tensor[]): Cases {
  return () => fc.constant({ f, inputs });
}

/** `f` of views of one tensor, of which some are longer than a loop over vectors. */
export function unary(f: (x: Tensor) => Tensor, elements: Elements = floats): Cases {
  return (minSize) =>
    fc
      .tuple(
        fc.oneof(
          { arbitrary: shapes({ minSize }), weight: 3 },
          { arbitrary: lengths.map((n) => [n]), weight: 1 },
        ),
        views,
      )
      .chain(([shape, view]) =>
        elements(shape).map((x) => ({ f: (y: Tensor) => f(view(y)), inputs: [x] })),
      );
}

/** `f` of two tensors that broadcast, a view of the result, operands on either side. */
export function binary(
  f: (a: Tensor, b: Tensor) => Tensor,
  left: Elements = floats,
  right: Elements = left,
): Cases {
  return (minSize) =>
    fc.tuple(broadcastPairs({ minSize }), views).chain(([pair, view]) =>
      fc.tuple(left(pair.left), right(pair.right)).map((inputs) => ({
        f: (p: Tensor, q: Tensor) => view(f(p, q)),
        inputs,
      })),
    );
}

/** `f` of two tensors that broadcast, of whose elements no two are equal. */
export function compared(f: (a: Tensor, b: Tensor) => Tensor): Cases {
  return (minSize) =>
    fc.tuple(broadcastPairs({ minSize }), views).chain(([{ left, right }, view]) => {
      const [m, n] = [sizeOf(left), sizeOf(right)];
      return spacedFloats([m + n]).map((both) => ({
        f: (all: Tensor) => {
          const [a, b] = all.split([m, n], 0);
          return view(f(a.reshape(left), b.reshape(right)));
        },
        inputs: [both],
      }));
    });
}

/** `f` over a random set of axes, some counted from the end, of a permuted tensor. */
export function reduction(
  f: (x: Tensor, axes: readonly number[], keepDims: boolean) => Tensor,
  elements: Elements = floats,
  takesEmpty = true,
): Cases {
  return (smallest) =>
    fc
      .tuple(
        shapes({ minRank: 1, minSize: takesEmpty ? smallest : 1 }),
        fc.boolean(),
        fc.boolean(),
        fc.boolean(),
      )
      .chain(([shape, turned, keepDims, fromEnd]) =>
        fc.tuple(elements(shape), fc.subarray(shape.map((_, i) => i))).map(([x, axes]) => ({
          f: (y: Tensor) =>
            f(
              turned ? y.transpose(0, -1) : y,
              axes.map((axis) => (fromEnd ? axis - shape.length : axis)),
              keepDims,
            ),
          inputs: [x],
        })),
      );
}

/** `f` along a random axis of 1 to `longest` elements. */
export function alongAxis(
  f: (x: Tensor, axis: number) => Tensor | readonly Tensor[],
  { elements = floats, longest = 3, takesEmpty = false }: AlongOptions = {},
): Cases {
  return (smallest) =>
    shapes({ minRank: 1, minSize: takesEmpty ? smallest : 1, maxSize: longest }).chain((shape) =>
      fc
        .tuple(elements(shape), fc.integer({ min: -shape.length, max: shape.length - 1 }))
        .map(([x, axis]) => ({ f: (y: Tensor) => f(y, axis), inputs: [x] })),
    );
}

interface AlongOptions {
  readonly elements?: Elements;
  readonly longest?: number;
  readonly takesEmpty?: boolean;
}

/** `f` over the last axis, of 2 to 5 elements; further operands have the shape of one row. */
export function rows(f: OpFunction, further = 0): Cases {
  return (minSize) =>
    fc
      .tuple(shapes({ maxRank: 2, minSize }), fc.integer({ min: 2, max: 5 }))
      .chain(([shape, width]) =>
        fc
          .tuple(floats([...shape, width]), fc.array(floats([width]), fixedLength(further)))
          .map(([x, others]) => ({ f, inputs: [x, ...others] })),
      );
}

function fixedLength(length: number): { minLength: number; maxLength: number } {
  return { minLength: length, maxLength: length };
}

/** `f` of images `[..., H, W]` with sizes from `min` to 5. */
export function images(f: (x: Tensor) => Tensor, min = 3, elements: Elements = floats): Cases {
  return (minSize) =>
    fc
      .tuple(shapes({ maxRank: 2, maxSize: 2, minSize }), fc.tuple(size(min, 5), size(min, 5)))
      .chain(([lead, plane]) => elements([...lead, ...plane]).map((x) => ({ f, inputs: [x] })));
}

/** `f` of q `[..., T, E]`, k `[..., S, E]`, v `[..., S, F]` with equal batch dimensions. */
export function heads(f: OpFunction): Cases {
  return (minSize) =>
    fc
      .tuple(shapes({ maxRank: 2, minSize }), shapes({ rank: 4 }))
      .chain(([batch, [queries, keys, width, valueWidth]]) =>
        fc
          .tuple(
            floats([...batch, queries, width], UNIT),
            floats([...batch, keys, width], UNIT),
            floats([...batch, keys, valueWidth], UNIT),
          )
          .map((inputs) => ({ f, inputs })),
      );
}

/** Matrix products: broadcast batches, or one matrix for all, of transposed and reversed operands. */
export const products: Cases = (minSize) =>
  fc
    .tuple(
      shapes({ maxRank: 2, minSize }),
      shapes({ rank: 3, minSize }),
      fc.boolean(),
      fc.boolean(),
    )
    .chain(([batch, [m, k, n], flat, flipped]) =>
      broadcastable(batch).chain((otherBatch) =>
        fc
          .tuple(floats([...batch, m, k]), floats(flat ? [k, n] : [...otherBatch, n, k]))
          .map((inputs) => ({
            f: (p: Tensor, q: Tensor) => (flipped ? p.flip() : p).matmul(flat ? q : q.transpose()),
            inputs,
          })),
      ),
    );

/** Operands of a convolution: input, weight and a tensor of the output's shape. */
export interface Convolution {
  readonly x: Tensor;
  readonly w: Tensor;
  readonly y: Tensor;
  readonly geometry: Conv2dGeometry;
}

const size = (min: number, max: number): fc.Arbitrary<number> => fc.integer({ min, max });
const pair = (min: number, max: number): fc.Arbitrary<[number, number]> =>
  fc.tuple(size(min, max), size(min, max));

/** Convolutions with random stride, padding, dilation, groups and rows that no window reads. */
const convolution: fc.Arbitrary<Convolution> = fc
  .record({
    batch: size(1, 2),
    groups: size(1, 2),
    perGroup: pair(1, 2),
    kernel: pair(1, 3),
    spare: pair(0, 3),
    stride: pair(1, 2),
    padding: pair(0, 2),
    dilation: pair(1, 2),
  })
  .chain(({ batch, groups, perGroup, kernel, spare, ...rest }) => {
    const reach = kernel.map((n, i) => rest.dilation[i] * (n - 1) + 1);
    const plane = reach.map((n, i) => n + spare[i]);
    const output = plane.map(
      (n, i) => Math.floor((n + 2 * rest.padding[i] - reach[i]) / rest.stride[i]) + 1,
    );
    const [inputs, outputs] = perGroup.map((n) => n * groups);
    return fc.record({
      x: floats([batch, inputs, ...plane], UNIT),
      w: floats([outputs, perGroup[0], ...kernel], UNIT),
      y: floats([batch, outputs, ...output], UNIT),
      geometry: fc.constant({ ...rest, groups }),
    });
  });

/** What `toCase` makes of random convolutions. */
export function convolutions(toCase: (operands: Convolution) => OpCase): Cases {
  return () => convolution.map(toCase);
}

/** A matrix, indices into its columns (with repetitions), and a source of the indices' shape. */
export interface Lookup {
  readonly x: Tensor;
  readonly index: Tensor;
  readonly source: Tensor;
}

/** What `toCase` makes of random lookups, of no indices among them. */
export function lookups(toCase: (operands: Lookup) => OpCase): Cases {
  return (smallest) =>
    fc
      .tuple(size(1, 3), size(1, 4), size(smallest, 5))
      .chain(([height, width, count]) =>
        size(1, height).chain((used) =>
          fc.record({
            x: floats([height, width]),
            index: ids(width)([used, count]),
            source: floats([used, count]),
          }),
        ),
      )
      .map(toCase);
}

const specials = [0, -0, 1, -1, Infinity, -Infinity, NaN];

/**
 * Cases with empty axes and without, and with some float32 elements replaced by zeros, ones, infinities
 * and NaN: for what must hold everywhere, not just where the function is smooth.
 */
export function everywhere(cases: Cases): fc.Arbitrary<OpCase> {
  const replaced = fc
    .tuple(cases(1), fc.array(fc.option(fc.constantFrom(...specials)), { minLength: 1 }))
    .map(([{ f, inputs }, elements]) => ({
      f,
      inputs: inputs.map((x) =>
        x.dtype === 'float32'
          ? tensor(
              Float32Array.from(x.dataSync(), (value, i) => elements[i % elements.length] ?? value),
              { shape: x.shape },
            )
          : x,
      ),
    }));
  return fc.oneof(cases(0), cases(1), replaced);
}
