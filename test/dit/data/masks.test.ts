import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { padImages, presetConfig, scalePixels, type ConditionValues } from '@tessera/dit';
import { loadMnist } from '@tessera/dit/node';
import { conditionTable } from '../../../packages/dit/src/data/condition-values.ts';
import { knownPixels, trainingMask } from '../../../packages/dit/src/data/measures/masks.ts';

/** In smaller images strokes of a brush may cover all. */
const sizes = fc.integer({ min: 16, max: 40 });
const numbers = fc.nat(1_000_000);

describe('a mask of training', () => {
  it('leaves out a part of the image: at least a pixel, and never all', () => {
    fc.assert(
      fc.property(sizes, numbers, fc.nat(50), (size, image, epoch) => {
        const mask = trainingMask(size, image, epoch);
        expect(mask.length).toBe(size ** 2);
        const drawn = mask.filter((value) => value === 1).length;
        expect(mask.filter((value) => value === 0).length).toBe(size ** 2 - drawn);
        expect(drawn).toBeGreaterThan(0);
        expect(drawn).toBeLessThan(size ** 2);
      }),
    );
  });

  it('is that of the image and the epoch', () => {
    fc.assert(
      fc.property(numbers, fc.nat(50), (image, epoch) => {
        expect(trainingMask(32, image, epoch)).toEqual(trainingMask(32, image, epoch));
      }),
    );
    const differ = (other: (i: number) => Uint8Array): number =>
      Array.from({ length: 100 }, (_, i) => i).filter(
        (i) => trainingMask(32, i, 0).join() !== other(i).join(),
      ).length;
    // There are few halves.
    expect(differ((i) => trainingMask(32, i + 1, 0))).toBeGreaterThan(95);
    expect(differ((i) => trainingMask(32, i, 1))).toBeGreaterThan(95);
  });

  it('leaves out half of a pixel on average, each of them about as often', () => {
    const count = 2000;
    const often = new Float64Array(32 ** 2);
    for (let image = 0; image < count; image++) {
      trainingMask(32, image, 0).forEach((drawn, pixel) => {
        often[pixel] += drawn / count;
      });
    }
    // Boxes lie in the middle more often, their surroundings and strokes outside.
    expect(Math.min(...often)).toBeGreaterThan(0.2);
    expect(Math.max(...often)).toBeLessThan(0.6);
  });
});

describe('the known pixels of an image', () => {
  it('lie in [0, 1] as its bytes do, and all others are unknown', () => {
    const bytes = Uint8Array.of(0, 255, 51, 102, 1, 2, 3, 4);
    const mask = Uint8Array.of(0, 0, 1, 0);
    const known = [...knownPixels(scalePixels(bytes), mask)];
    const expected = [0, 1, -1, 0.4, 1 / 255, 2 / 255, -1, 4 / 255];
    // The map goes through [-1, 1], whose float32 is that coarse.
    known.forEach((value, i) => {
      expect(value).toBeCloseTo(expected[i], 6);
    });
  });
});

describe('the condition inpaint of a data set', () => {
  it('is each image with the part that its mask leaves, another in each epoch', async () => {
    const { train } = await loadMnist();
    const set = { ...padImages({ ...train, count: 9 }, 32), labels: train.labels.subarray(0, 9) };
    const { model } = presetConfig('smoke', { conditions: ['inpaint'] });
    const table = conditionTable(model, set);
    const indices = Int32Array.of(8, 3);
    for (const epoch of [0, 2]) {
      const { inpaint } = table.arrays(indices, epoch);
      indices.forEach((image, i) => {
        const mask = trainingMask(32, image, epoch);
        const pixels = scalePixels(set.images.subarray(image * 1024, (image + 1) * 1024));
        expect(inpaint.subarray(i * 1024, (i + 1) * 1024)).toEqual(knownPixels(pixels, mask));
      });
      const values = table.values(indices, epoch) as ConditionValues;
      expect(values['inpaint'].dataSync()).toEqual(inpaint);
    }
    expect(table.arrays(indices).inpaint).toEqual(table.arrays(indices, 0).inpaint);
  });

  it('has the channels of the images', async () => {
    const { train } = await loadMnist();
    const set = { ...padImages({ ...train, count: 2 }, 32), labels: train.labels.subarray(0, 2) };
    const { model } = presetConfig('smoke', { conditions: ['inpaint'] });
    const colour = { ...set, count: 1, channels: 3, images: new Uint8Array(3 * 1024).fill(9) };
    expect(() => conditionTable(model, colour)).toThrow(
      "train: the condition 'inpaint' has 1 channels, but is measured in 3. Set its channels to 3.",
    );
    const [map] = model.conditions ?? [];
    const three = { ...model, conditions: [{ ...map, channels: 3 } as typeof map] };
    const { inpaint } = conditionTable(three, colour).arrays(Int32Array.of(0));
    expect(inpaint.length).toBe(3 * 1024);
    // All channels of a pixel are known, or none is.
    const unknown = Array.from(inpaint, (value) => value < 0);
    expect(unknown.slice(1024, 2048)).toEqual(unknown.slice(0, 1024));
    expect(unknown.slice(2048)).toEqual(unknown.slice(0, 1024));
  });
});
