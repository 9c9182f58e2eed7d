import { ValueError } from '@tessera/tensor';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  batchOrder,
  epochOrder,
  gatherImages,
  gatherLabels,
  padImages,
  scalePixels,
  unscalePixels,
} from '../../../packages/dit/src/data/batches.ts';

const seeds = fc.integer({ min: 0, max: 0xffff_ffff });
const everyByte = Uint8Array.from({ length: 256 }, (_, i) => i);

describe('pixels', () => {
  test('bytes span -1 to 1, evenly', () => {
    const scaled = scalePixels(Uint8Array.of(0, 51, 102, 255));
    expect([...scaled]).toEqual([-1, Math.fround(-0.6), Math.fround(-0.2), 1]);
  });

  test('unscaling gives back every byte, and cuts what is outside', () => {
    expect([...unscalePixels(scalePixels(everyByte))]).toEqual([...everyByte]);
    expect([...unscalePixels(Float32Array.of(-3, 3, Infinity))]).toEqual([0, 255, 255]);
    expect(() => unscalePixels(Float32Array.of(0, NaN))).toThrow(
      'unscalePixels: value 1 of 2 is NaN, which is no brightness.',
    );
  });

  test('padding keeps every image in the middle of background', () => {
    const images = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
    const padded = padImages({ images, count: 2, rows: 2, columns: 2 }, 5);
    expect(padded.rows).toBe(5);
    expect(padded.columns).toBe(5);
    expect([...padded.images.subarray(0, 25)]).toEqual(
      [0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 3, 4, 0, 0].concat(new Array<number>(10).fill(0)),
    );
  });

  test('padded images hold the original and nothing else', () => {
    const size = fc.integer({ min: 1, max: 6 });
    fc.assert(
      fc.property(size, size, size, fc.nat(4), (count, rows, columns, margin) => {
        const images = Uint8Array.from({ length: count * rows * columns }, (_, i) => (i % 255) + 1);
        const side = Math.max(rows, columns) + margin;
        const padded = padImages({ images, count, rows, columns }, side);
        expect(padded.images.filter((pixel) => pixel !== 0)).toEqual(images);
        expect(padded.images.length).toBe(count * side * side);
      }),
    );
  });

  test('images larger than the square are refused', () => {
    const set = { images: new Uint8Array(12), count: 1, rows: 2, columns: 6 };
    expect(() => padImages(set, 4)).toThrow(
      'padImages: images of 2×6 do not fit into 4×4. Shrink them first.',
    );
  });

  test('a batch gathers the images and labels asked for, in order', () => {
    const set = { images: Uint8Array.of(0, 255, 51, 51, 102, 0), count: 3, rows: 1, columns: 2 };
    const indices = Int32Array.of(2, 0, 2);
    expect(gatherImages(set, indices)).toEqual(scalePixels(Uint8Array.of(102, 0, 0, 255, 102, 0)));
    expect(gatherLabels(Uint8Array.of(7, 8, 9), indices)).toEqual(Int32Array.of(9, 7, 9));
  });
});

describe('the order of an epoch', () => {
  test('is a permutation', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 300 }), seeds, fc.nat(1e6), (count, seed, epoch) => {
        const order = epochOrder(count, seed, epoch);
        expect(order.toSorted()).toEqual(Int32Array.from({ length: count }, (_, i) => i));
      }),
    );
  });

  test('is the same for the same seed and epoch, another for others', () => {
    fc.assert(
      fc.property(seeds, fc.nat(1e6), (seed, epoch) => {
        const order = epochOrder(100, seed, epoch);
        expect(epochOrder(100, seed, epoch)).toEqual(order);
        expect(epochOrder(100, seed, epoch + 1)).not.toEqual(order);
        expect(epochOrder(100, (seed + 1) % 2 ** 32, epoch)).not.toEqual(order);
      }),
    );
  });

  test('is one that never changes between versions', () => {
    expect([...epochOrder(10, 0, 0)]).toMatchInlineSnapshot(`
      [
        4,
        1,
        5,
        2,
        6,
        0,
        8,
        9,
        7,
        3,
      ]
    `);
    expect([...epochOrder(10, 42, 3)]).toMatchInlineSnapshot(`
      [
        3,
        4,
        2,
        6,
        7,
        0,
        8,
        9,
        5,
        1,
      ]
    `);
  });

  test('puts each image at each place about equally often', () => {
    // 4,000 epochs of 8 images: each cell of the 8×8 table expects 500, deviation 21.
    const counts = new Array<number>(64).fill(0);
    for (let epoch = 0; epoch < 4000; epoch++) {
      epochOrder(8, 1, epoch).forEach((image, place) => {
        counts[place * 8 + image]++;
      });
    }
    const chiSquare = counts.reduce((sum, count) => sum + (count - 500) ** 2 / 500, 0);
    // 49 degrees of freedom: mean 49, deviation 9.9; fixed seed, so the value never changes.
    expect(chiSquare).toBeLessThan(90);
  });

  test('goes with nothing that the epoch before did', () => {
    // The number of images that stay in place from one epoch to the next is 1 on average.
    let stayed = 0;
    for (let epoch = 0; epoch < 500; epoch++) {
      const before = epochOrder(50, 9, epoch);
      stayed += epochOrder(50, 9, epoch + 1).filter((image, i) => image === before[i]).length;
    }
    expect(stayed / 500).toBeGreaterThan(0.8);
    expect(stayed / 500).toBeLessThan(1.2);
  });
});

describe('batches', () => {
  const shapes = fc
    .tuple(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 60 }), seeds)
    .map(([a, b, seed]) => ({ count: Math.max(a, b), batch: Math.min(a, b), seed }));

  test('the steps of an epoch share no image and are the start of its order', () => {
    fc.assert(
      fc.property(shapes, fc.nat(50), (shape, epoch) => {
        const order = batchOrder(shape);
        const steps = Array.from({ length: order.stepsPerEpoch }, (_, i) =>
          order.indices(epoch * order.stepsPerEpoch + i),
        );
        const seen = steps.flatMap((indices) => [...indices]);
        expect(steps.every((indices) => indices.length === shape.batch)).toBe(true);
        expect(shape.count - seen.length).toBeLessThan(shape.batch);
        expect(seen).toEqual([
          ...epochOrder(shape.count, shape.seed, epoch).subarray(0, seen.length),
        ]);
      }),
    );
  });

  test('a run resumes at any step without the steps before', () => {
    fc.assert(
      fc.property(shapes, fc.nat(500), (shape, step) => {
        const running = batchOrder(shape);
        for (let i = 0; i < step % 7; i++) {
          running.indices(step - i);
        }
        expect(batchOrder(shape).indices(step)).toEqual(running.indices(step));
      }),
    );
  });

  test('a batch is a copy: changing it changes no later one', () => {
    const order = batchOrder({ count: 8, batch: 4, seed: 0 });
    const first = [...order.indices(0)];
    order.indices(0).fill(-1);
    expect([...order.indices(0)]).toEqual(first);
  });

  test('impossible batches, seeds and steps are refused', () => {
    const order = (batch: number, seed: number): unknown => batchOrder({ count: 8, batch, seed });
    expect(() => order(9, 0)).toThrow(
      'batchOrder: a batch of 9 cannot be drawn from 8 images. Choose 1 to 8.',
    );
    for (const batch of [0, -1, 1.5, NaN]) {
      expect(() => order(batch, 0)).toThrow(ValueError);
    }
    for (const seed of [-1, 0.5, 2 ** 32, NaN]) {
      expect(() => order(8, seed)).toThrow(ValueError);
    }
    for (const step of [-1, 0.5, NaN, Infinity]) {
      expect(() => batchOrder({ count: 8, batch: 4, seed: 0 }).indices(step)).toThrow(ValueError);
    }
  });
});
