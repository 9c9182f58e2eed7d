/** Families of cases: an operation among random views, broadcasts, axes and geometries. */
import { broadcastable, floats, shapes, views } from '@tessera/autograd/testing';
import type { Tensor } from '@tessera/tensor';
import { tensor } from '@tessera/tensor';
import type { Conv2dGeometry } from '@tessera/tensor/extend';
import fc from 'fast-check';

/** Elements that stay about 1 when summed over. */
const UNIT = { min: -1, max: 1 };

/** A function and where to check its gradient. */
export interface Case {
  readonly f: (...inputs: readonly Tensor[]) => Tensor | readonly Tensor[];
  readonly inputs: readonly Tensor[];
}

/** `f` of views of one tensor with elements from `min` to 2. */
export function unary(f: (x: Tensor) => Tensor, min = -2): fc.Arbitrary<Case> {
  return fc
    .tuple(shapes(), views)
    .chain(([shape, view]) =>
      floats(shape, { min }).map((x) => ({ f: (y: Tensor) => f(view(y)), inputs: [x] })),
    );
}

/** `f` of two tensors that broadcast, views of either, on either side. */
export function binary(f: (a: Tensor, b: Tensor) => Tensor, min = -2): fc.Arbitrary<Case> {
  return fc.tuple(shapes(), views, fc.boolean()).chain(([shape, view, swapped]) =>
    broadcastable(shape).chain((other) =>
      fc.tuple(floats(shape, { min }), floats(other, { min })).map(([a, b]) => ({
        f: (p: Tensor, q: Tensor) => view(swapped ? f(q, p) : f(p, q)),
        inputs: [a, b],
      })),
    ),
  );
}

/** `f` over a random set of axes of a permuted tensor. */
export function reduction(
  f: (x: Tensor, axes: readonly number[]) => Tensor,
  elements: (shape: readonly number[]) => fc.Arbitrary<Tensor>,
): fc.Arbitrary<Case> {
  return fc.tuple(shapes({ minRank: 1 }), fc.boolean()).chain(([shape, turned]) =>
    fc.tuple(elements(shape), fc.subarray(shape.map((_, i) => i))).map(([x, axes]) => ({
      f: (y: Tensor) => f(turned ? y.transpose(0, -1) : y, axes),
      inputs: [x],
    })),
  );
}

/** `f` along a random axis. */
export function alongAxis(f: (x: Tensor, axis: number) => Tensor): fc.Arbitrary<Case> {
  return shapes({ minRank: 1 }).chain((shape) =>
    fc
      .tuple(floats(shape), fc.integer({ min: 0, max: shape.length - 1 }))
      .map(([x, axis]) => ({ f: (y: Tensor) => f(y, axis), inputs: [x] })),
  );
}

/** `f` over the last axis, of 2 to 5 elements. */
export function rows(f: (x: Tensor) => Tensor): fc.Arbitrary<Case> {
  return fc
    .tuple(shapes({ maxRank: 2 }), fc.integer({ min: 2, max: 5 }))
    .chain(([shape, width]) => floats([...shape, width]).map((x) => ({ f, inputs: [x] })));
}

/** `f` of q `[..., T, E]`, k `[..., S, E]` and v `[..., S, F]`. */
export function heads(
  f: (q: Tensor, k: Tensor, v: Tensor) => readonly Tensor[],
): fc.Arbitrary<Case> {
  return fc
    .tuple(shapes({ maxRank: 2 }), shapes({ rank: 4 }))
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

/** Operands of a convolution: input, weight and a tensor of the output's shape. */
export interface Convolution {
  readonly x: Tensor;
  readonly w: Tensor;
  readonly y: Tensor;
  readonly geometry: Conv2dGeometry;
}

const pair = (min: number, max: number): fc.Arbitrary<[number, number]> =>
  fc.tuple(fc.integer({ min, max }), fc.integer({ min, max }));

/** Convolutions with random stride, padding, dilation, groups and rows that no window reads. */
export const convolutions: fc.Arbitrary<Convolution> = fc
  .record({
    batch: fc.integer({ min: 1, max: 2 }),
    groups: fc.integer({ min: 1, max: 2 }),
    perGroup: pair(1, 2),
    kernel: pair(1, 3),
    spare: pair(0, 3),
    stride: pair(1, 2),
    padding: pair(0, 2),
    dilation: pair(1, 2),
  })
  .chain(({ batch, groups, perGroup, kernel, spare, ...rest }) => {
    const reach = kernel.map((n, i) => rest.dilation[i] * (n - 1) + 1);
    const size = reach.map((n, i) => n + spare[i]);
    const output = size.map(
      (n, i) => Math.floor((n + 2 * rest.padding[i] - reach[i]) / rest.stride[i]) + 1,
    );
    const [inputs, outputs] = perGroup.map((n) => n * groups);
    return fc.record({
      x: floats([batch, inputs, ...size], UNIT),
      w: floats([outputs, perGroup[0], ...kernel], UNIT),
      y: floats([batch, outputs, ...output], UNIT),
      geometry: fc.constant({ ...rest, groups }),
    });
  });

/** A matrix, indices into its columns (with repetitions), and a source of the indices' shape. */
export const indexed: fc.Arbitrary<{
  readonly x: Tensor;
  readonly index: Tensor;
  readonly source: Tensor;
}> = fc
  .tuple(
    fc.integer({ min: 1, max: 3 }),
    fc.integer({ min: 1, max: 4 }),
    fc.integer({ min: 1, max: 5 }),
  )
  .chain(([height, width, count]) =>
    fc.integer({ min: 1, max: height }).chain((used) =>
      fc.record({
        x: floats([height, width]),
        index: fc
          .array(fc.nat(width - 1), { minLength: used * count, maxLength: used * count })
          .map((ids) => tensor(Int32Array.from(ids), { shape: [used, count] })),
        source: floats([used, count]),
      }),
    ),
  );
