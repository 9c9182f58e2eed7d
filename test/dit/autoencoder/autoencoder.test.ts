import { describe, expect, it } from 'vitest';
import { FormatError, key, normal, tensor, uniform, zeros } from '@tessera/tensor';
import { gradcheck } from '@tessera/autograd';
import { countParameters } from '@tessera/autograd/nn';
import { Autoencoder, autoencoderLoss, samplePosterior } from '@tessera/dit';

const small = { channels: [4, 6, 8], latentChannels: 4 };

describe('Autoencoder', () => {
  it('turns 32×32 images into 8×8 latents and back', () => {
    const model = new Autoencoder(small, key(0));
    const { mean, logVariance } = model.encode(zeros([2, 1, 32, 32]));
    expect(mean.shape).toEqual([2, 4, 8, 8]);
    expect(logVariance.shape).toEqual([2, 4, 8, 8]);
    expect(model.decode(mean).shape).toEqual([2, 1, 32, 32]);
  });

  it('halves once for each channel count after the first', () => {
    const model = new Autoencoder({ channels: [4, 8], latentChannels: 3 }, key(0));
    expect(model.encode(zeros([1, 1, 8, 8])).mean.shape).toEqual([1, 3, 4, 4]);
    expect(model.decode(zeros([1, 3, 4, 4])).shape).toEqual([1, 1, 8, 8]);
  });

  it('has 3×3 convolutions with biases, counted by hand', () => {
    const conv = (from: number, to: number): number => 9 * from * to + to;
    const encoder = conv(1, 4) + conv(4, 6) + conv(6, 8) + conv(8, 8);
    const decoder = conv(4, 8) + conv(8, 6) + conv(6, 4) + conv(4, 1);
    expect(countParameters(new Autoencoder(small, key(0)))).toBe(encoder + decoder);
  });

  it('refuses images whose size does not halve', () => {
    expect(() => new Autoencoder(small, key(0)).encode(zeros([1, 1, 30, 32]))).toThrow(FormatError);
    expect(() =>
      new Autoencoder(small, key(0)).encode(zeros([1, 3, 32, 32])),
    ).toThrowErrorMatchingInlineSnapshot(
      `[FormatError: Autoencoder.encode: images are [1, 3, 32, 32], expected [B, 1, H, W] with H and W multiples of 4.]`,
    );
  });
});

describe('samplePosterior', () => {
  it('has the mean and the deviation of the posterior', () => {
    const posterior = {
      mean: tensor([2]).expand([40_000]),
      logVariance: tensor([Math.log(0.25)]).expand([40_000]),
    };
    const drawn = samplePosterior(posterior, key(1));
    // Five standard errors of 40,000 draws.
    expect(Math.abs(drawn.mean().itemSync() - 2)).toBeLessThan((5 * 0.5) / 200);
    expect(Math.abs(drawn.variance().itemSync() - 0.25)).toBeLessThan(
      (5 * 0.25 * Math.SQRT2) / 200,
    );
  });
});

describe('autoencoderLoss', () => {
  it('adds the weighted divergence, which is 0 for the standard normal', () => {
    const model = new Autoencoder(small, key(0));
    const images = uniform(key(1), [2, 1, 32, 32], -1, 1);
    const without = autoencoderLoss(model, images, key(2), 0).itemSync();
    const weighted = autoencoderLoss(model, images, key(2), 0.5).itemSync();
    const { mean, logVariance } = model.encode(images);
    const divergence =
      mean.square().add(logVariance.exp()).sub(1).sub(logVariance).mul(0.5).sum().itemSync() / 2;
    expect(divergence).toBeGreaterThan(0);
    expect(weighted - without).toBeCloseTo(0.5 * divergence, 4);
  });

  it('has the right gradient', async () => {
    const tiny = new Autoencoder({ channels: [2, 3], latentChannels: 2 }, key(3));
    const images = normal(key(4), [1, 1, 4, 4]);
    const check = gradcheck((model) => autoencoderLoss(model, images, key(5), 0.1), [tiny]);
    expect((await check).worst).toBeLessThan(1);
  });
});
