import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { key, normal, tensor, uniform, zeros, type Tensor } from '@tessera/tensor';
import {
  createDiffusion,
  createFlow,
  inpaintSteps,
  randomNoise,
  sampleSteps,
  samplersOf,
  type InpaintOptions,
  type KnownRegion,
  type Process,
  type SampledModel,
  type SampledStep,
  type Sampler,
} from '@tessera/dit';

const SHAPE = [2, 3, 4, 4];
/** A model that mixes neighbours, so that what is known matters for what is drawn. */
const model: SampledModel = (x, t) =>
  x
    .mul(0.3)
    .add(x.flip(2).mul(0.2))
    .sub(t.cast('float32').div(4000).reshape([-1, 1, 1, 1]));
const source = randomNoise(key(1), SHAPE);
const latent = normal(key(2), SHAPE);
const mask = uniform(key(3), SHAPE).less(0.5);

const flow = createFlow({ steps: 6 });
const schedule = createDiffusion({ predicts: 'v', schedule: 'squaredcos_cap_v2', respacing: 6 });
const samplers: [Process, Sampler][] = ([flow, schedule] as const).flatMap((process) =>
  samplersOf(process.predicts).map((sampler): [Process, Sampler] => [process, sampler]),
);

function fill(process: Process, region: KnownRegion, options: InpaintOptions = {}): SampledStep[] {
  return [...inpaintSteps(process, model, source, region, options)];
}

function values(x: Tensor): number[] {
  return [...x.dataSync()];
}

describe.each(samplers)('inpainting by the sampler: %o, %s', (process, sampler) => {
  it('where nothing is known is plain sampling, bit for bit', () => {
    const all = { latent, mask: latent.equal(latent) };
    const plain = [...sampleSteps(process, model, source, { sampler })];
    const steps = fill(process, all, { sampler });
    expect(steps.map(({ n, index }) => [n, index])).toEqual(
      plain.map(({ n, index }) => [n, index]),
    );
    steps.forEach(({ x, xStart }, i) => {
      expect(values(x)).toEqual(values(plain[i].x));
      expect(values(xStart)).toEqual(values(plain[i].xStart));
    });
  });

  it('where all is known gives the latent, whatever the passes', () => {
    for (const passes of [1, 3]) {
      const none = { latent, mask: zeros(SHAPE, 'bool') };
      const steps = fill(process, none, { sampler, passes, stretch: 4 });
      expect(values(steps[steps.length - 1].x)).toEqual(values(latent));
    }
  });

  it('keeps the known values, and draws the others by them', () => {
    const steps = fill(process, { latent, mask }, { sampler });
    const { x } = steps[steps.length - 1];
    expect(values(mask.where(0, x))).toEqual(values(mask.where(0, latent)));
    const other = fill(process, { latent: latent.add(1), mask }, { sampler });
    const moved = mask.where(other[other.length - 1].x.sub(x), 0);
    expect(moved.abs().max().itemSync()).toBeGreaterThan(0.01);
  });
});

describe('passes', () => {
  it('count all their steps, and end at the data', () => {
    const steps = fill(schedule, { latent, mask }, { passes: 2, stretch: 4 });
    expect(steps.map(({ index }) => index)).toEqual([5, 4, 3, 2, 5, 4, 3, 2, 1, 0, 1, 0]);
    expect(steps.map(({ n }) => n)).toEqual(steps.map((_, n) => n));
  });

  it('go back to noise of the right strength', () => {
    // The data are 0 everywhere, and the model knows it: then x is noise of a known deviation at each place.
    const perfect: SampledModel = (x, _, time) => x.div(Math.max(time / 1000, 1e-6));
    const wide = [1, 1, 64, 64];
    const region = { latent: zeros(wide), mask: zeros([1, 1, 64, 64], 'bool') };
    const seen: number[] = [];
    const watched: SampledModel = (x, t, time) => {
      seen.push(Math.sqrt(x.square().mean().itemSync()) / (time / 1000));
      return perfect(x, t, time);
    };
    const noise = randomNoise(key(4), wide);
    for (const drawn of [region, { ...region, mask: region.mask.equal(region.mask) }]) {
      const steps = inpaintSteps(flow, watched, noise, drawn, { passes: 3, stretch: 2 });
      expect([...steps]).toHaveLength(6 * 3);
    }
    expect(seen).toHaveLength(2 * 6 * 3);
    // 4096 draws: five standard errors of their deviation, 5/√8192.
    for (const ratio of seen) expect(Math.abs(ratio - 1)).toBeLessThan(0.056);
  });
});

describe('a region', () => {
  it('is any mask that broadcasts, and is refused otherwise', () => {
    fc.assert(
      fc.property(fc.constantFrom([4, 4], [1, 4, 4], [3, 1, 1], [2, 1, 4, 4], []), (shape) => {
        const some = uniform(key(5), shape).less(0.5);
        const steps = fill(flow, { latent, mask: some });
        expect(values(some.where(0, steps[5].x))).toEqual(values(some.where(0, latent)));
      }),
    );
    expect(() => fill(flow, { latent, mask: zeros([4, 4]) })).toThrow(
      'inpaintSteps: mask is float32[4, 4], expected bool: true where values are drawn.',
    );
    expect(() => fill(flow, { latent, mask: zeros([4, 3], 'bool') })).toThrow(
      'inpaintSteps: latent is [2, 3, 4, 4], mask is [4, 3], but the noise is [2, 3, 4, 4]: expected',
    );
    expect(() => fill(flow, { latent: tensor([1]), mask })).toThrow(/latent is \[1\]/);
    expect(() => fill(flow, { latent, mask }, { passes: 0 })).toThrow(/passes must be a whole/);
    expect(() => fill(flow, { latent, mask }, { sampler: 'ddim' })).toThrow(
      /a flow has no sampler ddim/,
    );
  });
});
