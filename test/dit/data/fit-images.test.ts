import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { fitImages, fitNote, squareSize } from '../../../packages/dit/src/data/fit-images.ts';
import { shuffled } from '../../../packages/dit/src/data/halves.ts';

/** Images of one value each. */
function flat(
  rows: number,
  columns: number,
  values: readonly number[],
): Parameters<typeof fitImages>[0] {
  const images = Uint8Array.from(
    values.flatMap((value) => new Array<number>(rows * columns).fill(value)),
  );
  return { images, count: values.length, rows, columns };
}

test('a small border is padded with black, a smaller half of an odd one first', () => {
  expect(squareSize({ rows: 28, columns: 27 }, 16)).toBe(32);
  expect(fitNote({ rows: 28, columns: 28 }, 32, 16)).toBe(
    'Images of 28×28 are padded with black to 32×32.',
  );
  const { images } = fitImages(flat(1, 2, [9]), 4, 4);
  expect([...images]).toEqual([0, 0, 0, 0, 0, 9, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
});

test('a larger one is resized, and what fits is not copied', () => {
  const fits = flat(4, 4, [1]);
  expect(fitImages(fits, 4, 4)).toBe(fits);
  expect(fitNote({ rows: 100, columns: 50 }, 32, 16)).toBe(
    'Images of 100×50 are resized to 32×16, and padded with black to a square.',
  );
  const half = { images: Uint8Array.of(0, 100, 200, 100), count: 1, rows: 2, columns: 2 };
  expect([...fitImages(half, 1, 1).images]).toEqual([100]);
});

test('resizing keeps flat images flat, and the mean of others about', () => {
  const side = fc.integer({ min: 1, max: 12 });
  fc.assert(
    fc.property(side, side, fc.integer({ min: 0, max: 255 }), (from, to, value) => {
      const { images } = fitImages(flat(from, from, [value, 255 - value]), to, 1);
      const area = to ** 2;
      expect(images.length).toBe(2 * area);
      expect(images.every((byte, i) => byte === (i < area ? value : 255 - value))).toBe(true);
    }),
  );
});

test('shuffling moves images, labels, captions and maps together', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 40 }), (count) => {
      const numbers = Array.from({ length: count }, (_, i) => i);
      const set = shuffled({
        ...flat(1, 2, numbers),
        labels: Int32Array.from(numbers),
        captions: numbers.map(String),
        maps: { depth: Uint8Array.from(numbers.flatMap((i) => [i, i])) },
      });
      const order = [...set.labels];
      expect([...order].sort((a, b) => a - b)).toEqual(numbers);
      expect([...set.images]).toEqual(order.flatMap((i) => [i, i]));
      expect([...set.maps.depth]).toEqual(order.flatMap((i) => [i, i]));
      expect(set.captions).toEqual(order.map(String));
    }),
  );
});
