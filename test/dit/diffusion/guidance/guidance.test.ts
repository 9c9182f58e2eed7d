import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compile, concat, full, key, scalar, tensor, type Tensor } from '@tessera/tensor';
import {
  createDiffusion,
  DiT,
  guidedBatchForward,
  guidedForward,
  randomNoise,
  rescaleGuidance,
  sample,
} from '@tessera/dit';
import { maxDifference, randomInputs, randomModel, TINY } from '../../model/sizes.ts';

const config = { ...TINY, inChannels: 4, learnSigma: true };
const model = randomModel(config, key(0));
const { x, t, y } = randomInputs(config, 3, key(1));
const nulls = full([3], model.nullClass, 'int32');
const labelled = model.forward(x, t, y);
const unlabelled = model.forward(x, t, nulls);
const channels = (image: Tensor, from: number, to: number): Tensor =>
  image.slice([null, [from, to]]);

/** A batch of twice the size may sum in another order; outputs are of size 1 to 10. */
const CLOSE = 2e-5;

describe('guidedForward', () => {
  it('is the plain model at scale 1 and the unlabelled one at scale 0', () => {
    expect(maxDifference(guidedForward(model, x, t, y, { scale: 1 }), labelled)).toBe(0);
    const free = guidedForward(model, x, t, y, { scale: 0 });
    expect(maxDifference(channels(free, 0, 4), channels(unlabelled, 0, 4))).toBeLessThan(CLOSE);
  });

  it('extrapolates along the line of both predictions in all channels of x', () => {
    fc.assert(
      fc.property(fc.double({ min: -2, max: 8, noNaN: true }), (scale) => {
        const guided = guidedForward(model, x, t, y, { scale });
        const line = unlabelled.add(labelled.sub(unlabelled).mul(scale));
        expect(maxDifference(channels(guided, 0, 4), channels(line, 0, 4))).toBeLessThan(
          CLOSE * (1 + 2 * Math.abs(scale)),
        );
        expect(maxDifference(channels(guided, 4, 8), channels(labelled, 4, 8))).toBeLessThan(CLOSE);
      }),
      { numRuns: 20 },
    );
  });

  it('takes the scale as a tensor too, so that one compiled function serves all', () => {
    const guided = compile((scale: Tensor) => guidedForward(model, x, t, y, { scale }));
    for (const scale of [0, 1, 2, 7.5]) {
      const expected = guidedForward(model, x, t, y, { scale });
      const atOne = scale === 1 ? CLOSE : 0;
      expect(
        maxDifference(guidedForward(model, x, t, y, { scale: scalar(scale) }), expected),
      ).toBeLessThanOrEqual(atOne);
      expect(maxDifference(guided(scalar(scale)), expected)).toBeLessThan(CLOSE * (1 + 2 * scale));
    }
  });

  it('guides three channels in the official way', () => {
    const guided = guidedForward(model, x, t, y, { scale: 4, compat: 'official' });
    const line = unlabelled.add(labelled.sub(unlabelled).mul(4));
    expect(maxDifference(channels(guided, 0, 3), channels(line, 0, 3))).toBeLessThan(10 * CLOSE);
    expect(maxDifference(channels(guided, 3, 8), channels(labelled, 3, 8))).toBeLessThan(CLOSE);
  });

  it('guides all channels in the fixed way, which is the default', () => {
    const fixed = guidedForward(model, x, t, y, { scale: 4, compat: 'fixed' });
    expect(maxDifference(fixed, guidedForward(model, x, t, y, { scale: 4 }))).toBe(0);
    const official = guidedForward(model, x, t, y, { scale: 4, compat: 'official' });
    expect(maxDifference(channels(fixed, 0, 3), channels(official, 0, 3))).toBe(0);
    expect(maxDifference(channels(fixed, 3, 4), channels(official, 3, 4))).toBeGreaterThan(0.01);
  });

  it('guides the timesteps of an interval, and leaves the others to the labels', () => {
    const times = tensor([100, 500, 900], { dtype: 'int32' });
    const all = guidedForward(model, x, times, y, { scale: 3 });
    const some = guidedForward(model, x, times, y, { scale: 3, interval: [500, 899] });
    const alone = model.forward(x, times, y);
    expect(maxDifference(some.select(0, 1), all.select(0, 1))).toBe(0);
    for (const i of [0, 2]) {
      expect(maxDifference(some.select(0, i), alone.select(0, i))).toBeLessThan(CLOSE);
      expect(maxDifference(some.select(0, i), all.select(0, i))).toBeGreaterThan(0.01);
    }
    expect(() => guidedForward(model, x, t, y, { scale: 3, interval: [800, 200] })).toThrow(
      'guidedForward: interval must be two timesteps in order, [200, 800], but is [800, 200].',
    );
  });

  it('gives back the deviation of the labelled prediction as far as rescale says', () => {
    const guide = (rescale: number): Tensor =>
      channels(guidedForward(model, x, t, y, { scale: 5, rescale }), 0, 4);
    const deviations = (image: Tensor): number[] =>
      [0, 1, 2].map((i) => Math.sqrt(image.select(0, i).variance().itemSync()));
    const [wide, right] = [deviations(guide(0)), deviations(channels(labelled, 0, 4))];
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, noNaN: true }), (amount) => {
        deviations(guide(amount)).forEach((deviation, i) => {
          expect(deviation).toBeCloseTo(amount * right[i] + (1 - amount) * wide[i], 3);
        });
      }),
      { numRuns: 10 },
    );
    const flat = full([1, 4], 2);
    expect(maxDifference(rescaleGuidance(flat, flat.mul(3), 1), flat)).toBe(0);
  });

  it('needs a null class', () => {
    const without = DiT.init({ ...config, classDropoutProb: 0 }, key(0));
    expect(() => guidedForward(without, x, t, y, { scale: 2 })).toThrow('has no null class');
  });
});

describe('guidedBatchForward', () => {
  const both = (a: Tensor, b: Tensor): Tensor => concat([a, b], 0);
  const other = randomInputs(config, 3, key(2)).x;
  const options = { scale: 4, compat: 'official' } as const;
  const out = guidedBatchForward(model, both(x, other), both(t, t), both(y, nulls), options);
  const [first, second] = out.chunk(2, 0);

  it('gives the guided prediction in its first half', () => {
    expect(maxDifference(first, guidedForward(model, x, t, y, options))).toBeLessThan(10 * CLOSE);
  });

  it('does not look at the second half of x, and leaves it its own unguided channels', () => {
    expect(maxDifference(channels(second, 0, 3), channels(first, 0, 3))).toBe(0);
    expect(maxDifference(channels(second, 3, 8), channels(unlabelled, 3, 8))).toBeLessThan(CLOSE);
  });

  it('refuses an odd batch', () => {
    expect(() => guidedBatchForward(model, x, t, y, options)).toThrow(
      'guidedBatchForward: x is [3, 4, 4, 4], but its batch must be even: labelled, then unlabelled.',
    );
  });
});

describe('sampling with guidance', () => {
  it('draws one latent a label', () => {
    const diffusion = createDiffusion({ variance: 'learned-range', respacing: 3 });
    const noise = randomNoise(key(3), [3, 4, 4, 4]);
    const draw = (scale: number): Tensor =>
      sample(diffusion, (xT, time) => guidedForward(model, xT, time, y, { scale }), noise, {
        clipDenoised: true,
      });
    expect(draw(2).shape).toEqual([3, 4, 4, 4]);
    expect(maxDifference(draw(2), draw(2))).toBe(0);
    expect(maxDifference(draw(2), draw(1))).toBeGreaterThan(1e-3);
  });
});
