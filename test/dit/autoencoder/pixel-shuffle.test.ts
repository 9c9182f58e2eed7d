import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arange, key, uniform, zeros } from '@tessera/tensor';
import { countParameters } from '@tessera/autograd/nn';
import { Autoencoder } from '@tessera/dit';
import {
  pixelShuffle,
  pixelUnshuffle,
} from '../../../packages/dit/src/autoencoder/pixel-shuffle.ts';

describe('pixelShuffle', () => {
  it('writes the channels of a place row by row into its square, as pixel_shuffle of PyTorch does', () => {
    const square = pixelShuffle(arange(16).reshape([1, 8, 1, 2]), 2);
    expect(square.shape).toEqual([1, 2, 2, 4]);
    const first = [0, 2, 1, 3, 4, 6, 5, 7];
    expect([...square.dataSync()]).toEqual([...first, ...first.map((value) => value + 8)]);
  });

  it('is the inverse of pixelUnshuffle', () => {
    const side = fc.integer({ min: 1, max: 3 });
    fc.assert(
      fc.property(side, side, side, side, side, (batch, channels, rows, columns, block) => {
        const images = uniform(key(0), [batch, channels, rows * block, columns * block]);
        const places = pixelUnshuffle(images, block);
        expect(places.shape).toEqual([batch, channels * block ** 2, rows, columns]);
        expect(pixelShuffle(places, block).dataSync()).toEqual(images.dataSync());
      }),
    );
  });
});

describe('an autoencoder of squares of pixels', () => {
  const config = { channels: [4, 6], latentChannels: 3, pixelShuffle: 2 };

  it('leads to the latents of one that halves once more', () => {
    const model = new Autoencoder(config, key(0));
    const { mean } = model.encode(zeros([2, 1, 32, 32]));
    expect(mean.shape).toEqual([2, 3, 8, 8]);
    expect(model.decode(mean).shape).toEqual([2, 1, 32, 32]);
  });

  it('has a first and a last convolution of four channels to a colour, counted by hand', () => {
    const conv = (from: number, to: number): number => 9 * from * to + to;
    const encoder = conv(12, 4) + conv(4, 6) + conv(6, 6);
    const decoder = conv(3, 6) + conv(6, 4) + conv(4, 12);
    const model = new Autoencoder({ ...config, imageChannels: 3 }, key(0));
    expect(countParameters(model)).toBe(encoder + decoder);
  });

  it('refuses images that its squares and halvings do not divide', () => {
    expect(() =>
      new Autoencoder(config, key(0)).encode(zeros([1, 1, 30, 32])),
    ).toThrowErrorMatchingInlineSnapshot(
      `[FormatError: Autoencoder.encode: images are [1, 1, 30, 32], expected [B, 1, H, W] with H and W multiples of 4.]`,
    );
    expect(() => new Autoencoder({ ...config, pixelShuffle: 0.5 }, key(0))).toThrow('pixelShuffle');
  });
});
