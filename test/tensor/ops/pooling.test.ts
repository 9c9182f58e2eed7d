import {
  avgPool2d,
  key,
  maxPool2d,
  normal,
  ones,
  tensor,
  zeros,
  type Tensor,
} from '@tessera/tensor';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

interface Pooling {
  readonly x: Tensor;
  readonly kernel: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly padding: readonly [number, number];
  readonly dilation: readonly [number, number];
}

const pair = (min: number, max: number): fc.Arbitrary<[number, number]> =>
  fc.tuple(fc.integer({ min, max }), fc.integer({ min, max }));

/** Windows of every kind that fit. */
const poolings: fc.Arbitrary<Pooling> = fc
  .tuple(pair(1, 3), pair(1, 3), pair(0, 3), pair(1, 2), pair(0, 4), fc.nat())
  .map(([kernel, stride, margins, dilation, extra, seed]): Pooling => {
    const reach = kernel.map((n, i) => dilation[i] * (n - 1) + 1);
    const padding = margins.map((n, i) => Math.min(n, Math.floor(reach[i] / 2)));
    const size = reach.map((n, i) => Math.max(1, n - 2 * padding[i]) + extra[i]);
    const x = normal(key(seed), [2, size[1], size[0]]).transpose();
    return { x, kernel, stride, padding: [padding[0], padding[1]], dilation };
  });

/** The elements of each window, those outside of the image as `null`. */
function windows({ x, kernel, stride, padding, dilation }: Pooling): (number | null)[][][][] {
  const images = x.toArraySync() as number[][][];
  const [oh, ow] = [0, 1].map((i) => {
    const reach = dilation[i] * (kernel[i] - 1) + 1;
    return Math.floor((x.shape[i + 1] + 2 * padding[i] - reach) / stride[i]) + 1;
  });
  const range = (n: number): number[] => [...new Array<number>(n).keys()];
  return images.map((image) =>
    range(oh).map((i) =>
      range(ow).map((j) =>
        range(kernel[0]).flatMap((u) =>
          range(kernel[1]).map((v) => {
            const row = image[i * stride[0] + u * dilation[0] - padding[0]];
            return row?.[j * stride[1] + v * dilation[1] - padding[1]] ?? null;
          }),
        ),
      ),
    ),
  );
}

const inside = (window: (number | null)[]): number[] => window.filter((x) => x !== null);
const sum = (list: number[]): number => list.reduce((a, b) => a + b, 0);

describe('maxPool2d', () => {
  it('takes the largest element of each window', () => {
    fc.assert(
      fc.property(poolings, (pooling) => {
        const expected = windows(pooling).map((rows) =>
          rows.map((row) => row.map((window) => Math.max(...inside(window)))),
        );
        const { x, kernel, ...options } = pooling;
        expect(maxPool2d(x, kernel, options).toArraySync()).toEqual(expected);
      }),
    );
  });

  it('lets NaN win and padding lose', () => {
    const x = tensor([[-5, NaN, -3, -4], [-9, -Infinity, -1, -2]]); // prettier-ignore
    expect(maxPool2d(x, 2).toArraySync()).toEqual([[NaN, -1]]);
    expect(maxPool2d(x, [2, 3], { stride: 3, padding: [1, 1] }).toArraySync()).toEqual([[NaN, -3]]);
  });

  it('steps by the kernel unless told otherwise, over any leading dimensions', () => {
    expect(maxPool2d(ones([7, 6]), [2, 3]).shape).toEqual([3, 2]);
    expect(maxPool2d(ones([4, 2, 5, 7, 6]), 3, { stride: 1 }).shape).toEqual([4, 2, 5, 5, 4]);
    expect(maxPool2d(zeros([0, 3, 4, 4]), 2).shape).toEqual([0, 3, 2, 2]);
  });

  it('refuses windows that do not fit', () => {
    expect(() => maxPool2d(ones([1, 1, 3, 3]), 4)).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: maxPool2d: a 4×4 window with padding [0, 0] and dilation [1, 1] does not fit into x [1, 1, 3, 3]: [..., H, W] of its size or larger expected.]`,
    );
    expect(() => maxPool2d(ones([5]), 2)).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: maxPool2d: a 2×2 window with padding [0, 0] and dilation [1, 1] does not fit into x [5]: [..., H, W] of its size or larger expected.]`,
    );
    expect(() => maxPool2d(ones([4, 4]), 2, { padding: 2 })).toThrowErrorMatchingInlineSnapshot(
      `[ValueError: maxPool2d: kernel [2, 2] must be whole numbers of at least 1, and padding [2, 2] at most half of the span of a window, [2, 2].]`,
    );
    expect(() => maxPool2d(ones([4, 4]), [2, 0])).toThrowErrorMatchingInlineSnapshot(
      `[ValueError: maxPool2d: kernel [2, 0] must be whole numbers of at least 1, and padding [0, 0] at most half of the span of a window, [2, 0].]`,
    );
    expect(() => maxPool2d(ones([4, 4]), 2, { stride: 0 })).toThrowErrorMatchingInlineSnapshot(
      `[ValueError: maxPool2d: stride [0, 0], dilation [1, 1] and groups 1 must be whole numbers of at least 1, padding [0, 0] of at least 0: one number, or [vertical, horizontal].]`,
    );
  });
});

describe('avgPool2d', () => {
  it('takes the mean of each window, with or without the padding', () => {
    fc.assert(
      fc.property(poolings, fc.boolean(), (drawn, countIncludePad) => {
        const pooling = { ...drawn, dilation: [1, 1] as const };
        const reach = pooling.kernel.map((n) => Math.floor(n / 2));
        const padding = [0, 1].map((i) => Math.min(reach[i], pooling.padding[i])) as [
          number,
          number,
        ];
        const expected = windows({ ...pooling, padding })
          .flat(2)
          .map((window) => {
            const elements = inside(window);
            return sum(elements) / (countIncludePad ? window.length : elements.length);
          });
        const { stride } = pooling;
        const pooled = avgPool2d(pooling.x, pooling.kernel, { stride, padding, countIncludePad });
        const errors = [...pooled.dataSync()].map((mean, i) => Math.abs(mean - expected[i]));
        // Nine numbers of size 1 to 4, added up in float32.
        expect(Math.max(...errors)).toBeLessThan(1e-6);
      }),
    );
  });

  it('refuses windows that do not fit', () => {
    expect(() => avgPool2d(ones([2, 3, 3]), [2, 4])).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: avgPool2d: a 2×4 window with padding [0, 0] and dilation [1, 1] does not fit into x [2, 3, 3]: [..., H, W] of its size or larger expected.]`,
    );
  });
});
