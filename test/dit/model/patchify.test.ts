import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arange, key, normal } from '@tessera/tensor';
import { officialStart, patchify, PatchEmbed, unpatchify } from '@tessera/dit';
import { maxDifference } from './sizes.ts';

const side = fc.integer({ min: 1, max: 4 });

describe('patchify and unpatchify', () => {
  it('undo each other for every patch, grid and number of channels', () => {
    fc.assert(
      fc.property(side, side, side, side, side, (batch, channels, patch, rows, columns) => {
        const shape = [batch, channels, rows * patch, columns * patch];
        const images = arange(shape.reduce((a, b) => a * b)).reshape(shape);
        const tokens = patchify(images, patch);
        expect(tokens.shape).toEqual([batch, rows * columns, patch * patch * channels]);
        const back = unpatchify(tokens, patch, [rows, columns]);
        expect(back.shape).toEqual(shape);
        expect(back.dataSync()).toEqual(images.dataSync());
      }),
    );
  });

  it('order patches row by row and features with the channel fastest', () => {
    // Channel c of pixel (row, column) is 100 c + 10 row + column.
    const pixels = arange(4).unsqueeze(1).mul(10).add(arange(4));
    const image = arange(2).reshape([2, 1, 1]).mul(100).add(pixels).unsqueeze(0); // [1, 2, 4, 4]
    const tokens = patchify(image, 2);
    expect(tokens.select(1, 1).toArraySync()).toEqual([[2, 102, 3, 103, 12, 112, 13, 113]]);
    expect(tokens.select(1, 2).toArraySync()).toEqual([[20, 120, 21, 121, 30, 130, 31, 131]]);
  });

  it('refuse what does not fit', () => {
    const images = normal(key(0), [1, 3, 6, 8]);
    expect(() => patchify(images, 4)).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: patchify: images are [1, 3, 6, 8], patches 4×4: [B, C, H, W] with H and W divisible by 4 expected.]`,
    );
    expect(() =>
      unpatchify(normal(key(0), [1, 5, 12]), 2, [2, 2]),
    ).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: unpatchify: tokens are [1, 5, 12], the grid is 2×2 patches of 2×2: [B, 4, a multiple of 4] expected.]`,
    );
  });
});

describe('PatchEmbed', () => {
  const embed = new PatchEmbed(3, 8, { patchSize: 2, key: key(1), start: officialStart });

  it('is one linear map of every patch', () => {
    const images = normal(key(2), [2, 3, 4, 6]);
    // The kernel has the channel slowest, patchify has it fastest.
    const weight = embed.proj.weight.permute([0, 2, 3, 1]).flatten(1); // [D, P · P · C]
    const expected = patchify(images, 2).matmul(weight.transpose());
    const tokens = embed.forward(images);
    expect(tokens.shape).toEqual([2, 6, 8]);
    // Twelve products in another order: a few units of the last place of numbers of size 1.
    expect(maxDifference(tokens, expected)).toBeLessThan(2e-6);
  });

  it('starts Xavier-uniform as a matrix of C · P · P inputs, not as a convolution', () => {
    const wide = new PatchEmbed(4, 64, { patchSize: 4, key: key(3), start: officialStart });
    const bound = Math.sqrt(6 / (4 * 16 + 64));
    const largest = wide.proj.weight.abs().max().itemSync();
    expect(largest).toBeLessThanOrEqual(bound);
    expect(largest).toBeGreaterThan(0.99 * bound);
    expect(wide.proj.bias?.abs().max().itemSync()).toBe(0);
  });
});
