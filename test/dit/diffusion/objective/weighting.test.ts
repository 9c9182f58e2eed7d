import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import {
  key,
  normal,
  randomInt,
  split,
  tensor,
  uniform,
  zeros,
  type Tensor,
} from '@tessera/tensor';
import {
  createDiffusion,
  createFlow,
  denoise,
  flowEnds,
  flowSample,
  minSnrWeights,
  predictionTarget,
  qSample,
  SCHEDULES,
  trainingLosses,
  type Predicted,
  type Process,
} from '@tessera/dit';

const SHAPE = [4, 2, 3, 3];
const PREDICTIONS: readonly Predicted[] = ['eps', 'xStart', 'v'];

const means = (x: Tensor): number[] => [...x.mean([1, 2, 3]).dataSync()];

describe('min-SNR weights', () => {
  it('make every error that of xStart times min(SNR, γ)', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...PREDICTIONS),
        fc.constantFrom(...SCHEDULES),
        fc.integer({ min: 0, max: 2 ** 30 }),
        fc.double({ min: 0.5, max: 20, noNaN: true }),
        (predicts, schedule, seed, gamma) => {
          const [a, b, c, d] = split(key(seed), 4);
          const diffusion = createDiffusion({ predicts, schedule });
          const [xStart, eps, off] = [a, b, c].map((k) => normal(k, SHAPE));
          const t = randomInt(d, [4], 50, 950);
          const xT = qSample(diffusion.schedule, xStart, t, eps);
          const prediction = predictionTarget(diffusion, xStart, t, eps).add(off);
          const wrong = denoise(diffusion, prediction, xT, t).xStart;
          const ofXStart = means(wrong.sub(xStart).square());
          const weighted = means(off.square()).map(
            (error, i) => error * minSnrWeights(diffusion, t, gamma).dataSync()[i],
          );
          const { alphaBar } = diffusion.schedule;
          [...t.dataSync()].forEach((index, i) => {
            const snr = alphaBar[index] / (1 - alphaBar[index]);
            // The error of xStart is found from a difference of numbers up to 5/√alphaBar.
            const close = 1e-3 + 1e-5 / alphaBar[index];
            expect(Math.abs(weighted[i] / (ofXStart[i] * Math.min(snr, gamma)) - 1)).toBeLessThan(
              close,
            );
          });
        },
      ),
      { numRuns: 40 },
    );
  });

  it('do so for the velocity of a flow', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 2 ** 30 }),
        fc.double({ min: 0.5, max: 20, noNaN: true }),
        (seed, gamma) => {
          const [a, b, c, d] = split(key(seed), 4);
          const [xStart, eps, off] = [a, b, c].map((k) => normal(k, SHAPE));
          const s = uniform(d, [4], 0.1, 0.9);
          const xT = flowSample(xStart, s, eps);
          const wrong = flowEnds(xT, s, eps.sub(xStart).add(off)).xStart;
          const ofXStart = means(wrong.sub(xStart).square());
          const weights = minSnrWeights(createFlow(), s, gamma).dataSync();
          [...s.dataSync()].forEach((time, i) => {
            const snr = ((1 - time) / time) ** 2;
            const expected = ofXStart[i] * Math.min(snr, gamma);
            expect(Math.abs((means(off.square())[i] * weights[i]) / expected - 1)).toBeLessThan(
              1e-3,
            );
          });
        },
      ),
      { numRuns: 40 },
    );
  });

  it('are finite without signal, and 1 for eps up to the bound', () => {
    const t = tensor([999], { dtype: 'int32' });
    for (const predicts of ['v', 'xStart'] as const) {
      const diffusion = createDiffusion({ predicts, zeroTerminalSnr: true });
      expect(minSnrWeights(diffusion, t).itemSync()).toBe(0);
    }
    expect(minSnrWeights(createDiffusion(), t).itemSync()).toBe(1);
  });

  it('multiply the loss of each sample, and leave its parts as they are', () => {
    const [xStart, eps] = [normal(key(1), SHAPE), normal(key(2), SHAPE)];
    const t = tensor([3, 100, 600, 999], { dtype: 'int32' });
    const s = tensor([0.1, 0.4, 0.7, 1]);
    for (const [process, times] of [
      [createDiffusion({ predicts: 'v' }), t],
      [createFlow(), s],
    ] as const) {
      const batch = { xStart, eps, t: times };
      const plain = trainingLosses(process, () => xStart, batch);
      const options = { weighting: 'min-snr', gamma: 2 } as const;
      const weighted = trainingLosses(process, () => xStart, batch, options);
      const weights = minSnrWeights(process, times, 2).dataSync();
      [...weighted.loss.dataSync()].forEach((value, i) => {
        expect(value).toBeCloseTo(plain.loss.dataSync()[i] * weights[i], 5);
      });
      expect(weighted.mse?.toArraySync()).toEqual(plain.mse?.toArraySync());
    }
  });
});

describe('the loss of a flow', () => {
  const flow = createFlow();
  const batch = {
    xStart: normal(key(3), SHAPE),
    eps: normal(key(4), SHAPE),
    t: tensor([0, 0.25, 0.5, 1]),
  };
  const target = predictionTarget(flow, batch.xStart, batch.t, batch.eps);

  it('is 0 for a perfect model, which is told a thousandfold time', () => {
    const told: Tensor[] = [];
    const { loss } = trainingLosses(
      flow,
      (x, time) => {
        told.push(x, time);
        return target;
      },
      batch,
    );
    expect(loss.max().itemSync()).toBe(0);
    expect(told[1].toArraySync()).toEqual([0, 250, 500, 1000]);
    expect(told[0].toArraySync()).toEqual(
      flowSample(batch.xStart, batch.t, batch.eps).toArraySync(),
    );
  });

  it('is less the farther a contrastive model keeps from the sample before', () => {
    const losses = (share: number): number[] => [
      ...trainingLosses(flow, () => target, batch, { contrastive: share }).loss.dataSync(),
    ];
    const others = [3, 0, 1, 2].map((i) => target.select(0, i));
    const apart = others.map((other, i) =>
      target.select(0, i).sub(other).square().mean().itemSync(),
    );
    losses(0.05).forEach((value, i) => expect(value).toBeCloseTo(-0.05 * apart[i], 5));
    expect(losses(0)).toEqual([0, 0, 0, 0]);
  });

  test.each<[string, Process, object, string]>([
    ['a bound', flow, { kind: 'kl' }, "'kl' is about the bound, and a flow has none."],
    ['compat', flow, { compat: 'fixed' }, 'compat is about the bound, and a flow has none.'],
    ['contrast without a flow', createDiffusion(), { contrastive: 0.1 }, 'contrastive belongs to'],
    ['a bound with weights', createDiffusion(), { kind: 'kl', weighting: 'min-snr' }, 'no weights'],
    ['gamma alone', createDiffusion(), { gamma: 3 }, "gamma belongs to the weighting 'min-snr'."],
  ])('refuses %s', (_name, process, options, message) => {
    const t = process === flow ? batch.t : zeros([4], 'int32');
    expect(() => trainingLosses(process, () => target, { ...batch, t }, options)).toThrow(message);
  });

  it('refuses a learned variance, and contrast in a batch of one', () => {
    const wide = zeros([4, 4, 3, 3]);
    expect(() => trainingLosses(flow, () => wide, batch)).toThrow('no variance to learn');
    const one = { xStart: zeros([1, 1]), eps: zeros([1, 1]), t: tensor([0.5]) };
    expect(() => trainingLosses(flow, () => zeros([1, 1]), one, { contrastive: 0.1 })).toThrow(
      'the batch has 1',
    );
  });
});
