import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  betaTable,
  createDiffusion,
  createSchedule,
  ddimStep,
  ddpmStep,
  sample,
  type Predicted,
} from '@tessera/dit';
import { ones, tensor, zeros } from '@tessera/tensor';
import { SCHEDULES } from '../../../../packages/dit/src/config/choices.ts';

describe('the linear schedule of 1000 timesteps', () => {
  const schedule = createSchedule();

  it('has the published alphaBar', () => {
    const published: readonly (readonly [number, number])[] = [
      [0, 0.9999],
      [1, 0.9997800920720721],
      [10, 0.997806572507846],
      [100, 0.8951415908975365],
      [250, 0.5214230306185275],
      [500, 0.07779665836502389],
      [750, 0.003300158361569426],
      [999, 4.035829765375676e-5],
    ];
    for (const [t, value] of published) {
      expect(Math.abs(schedule.alphaBar[t] / value - 1)).toBeLessThan(1e-10);
    }
  });

  it('has the published posterior', () => {
    expect(schedule.posteriorVariance[1]).toBeCloseTo(5.4531876613e-5, 14);
    expect(schedule.posteriorLogVariance[0]).toBeCloseTo(-9.8167251353, 9);
    expect(Math.log(schedule.beta[0])).toBeCloseTo(-9.210340372, 9);
    expect(schedule.posteriorXStartWeight[500]).toBeCloseTo(0.003058057076, 11);
    expect(schedule.posteriorXTWeight[500]).toBeCloseTo(0.994104350757, 11);
  });

  it('keeps alphaBar under respacing, and its betas are the published ones', () => {
    const { beta, alphaBar, timestepMap } = createSchedule({ respacing: 250 });
    expect(beta[0]).toBeCloseTo(1e-4, 14);
    expect(beta[1]).toBeCloseTo(5.990655644756e-4, 14);
    expect(beta[249]).toBeCloseTo(0.07751934499, 10);
    timestepMap.forEach((s, j) => {
      expect(Math.abs(alphaBar[j] / schedule.alphaBar[s] - 1)).toBeLessThan(1e-10);
    });
  });
});

describe('every schedule', () => {
  const timesteps = fc.integer({ min: 30, max: 400 });
  const kept = fc.integer({ min: 2, max: 30 });

  it('satisfies the identities between its tables', () => {
    fc.assert(
      fc.property(fc.constantFrom(...SCHEDULES), timesteps, kept, (name, total, respacing) => {
        const s = createSchedule({ schedule: name, timesteps: total, respacing });
        expect(s.timesteps).toBe(respacing);
        expect(s.totalTimesteps).toBe(total);
        for (let j = 0; j < s.timesteps; j++) {
          expect(s.beta[j]).toBeGreaterThan(0);
          expect(s.beta[j]).toBeLessThanOrEqual(1);
          expect(s.alphaBar[j]).toBeLessThan(s.alphaBarPrev[j]);
          expect(s.alphaBarPrev[j]).toBe(j === 0 ? 1 : s.alphaBar[j - 1]);
          expect(s.alphaBarNext[j]).toBe(j + 1 === s.timesteps ? 0 : s.alphaBar[j + 1]);
          expect(s.sqrtAlphaBar[j] ** 2 + s.sqrtOneMinusAlphaBar[j] ** 2).toBeCloseTo(1, 12);
          expect(Math.exp(s.logOneMinusAlphaBar[j])).toBeCloseTo(1 - s.alphaBar[j], 12);
          expect(s.sqrtRecipAlphaBar[j] * s.sqrtAlphaBar[j]).toBeCloseTo(1, 10);
          expect(s.sqrtRecipAlphaBarMinusOne[j] * s.sqrtAlphaBar[j]).toBeCloseTo(
            s.sqrtOneMinusAlphaBar[j],
            8,
          );
          // The posterior's mean of noiseless data is its own noiseless point:
          // c1 + c2 √alphaBar = √alphaBar'.
          const mean = s.posteriorXStartWeight[j] + s.posteriorXTWeight[j] * s.sqrtAlphaBar[j];
          expect(mean).toBeCloseTo(Math.sqrt(s.alphaBarPrev[j]), 10);
          expect(s.posteriorVariance[j]).toBeLessThanOrEqual(s.beta[j]);
        }
        expect(s.posteriorVariance[0]).toBe(0);
        expect(s.posteriorLogVariance[0]).toBe(s.posteriorLogVariance[1]);
      }),
    );
  });
});

describe('betaTable', () => {
  it('caps the cosine schedule', () => {
    const betas = betaTable('squaredcos_cap_v2', 1000);
    expect(betas[999]).toBe(0.999);
    expect(Math.max(...betas)).toBe(0.999);
    expect(betas[0]).toBeLessThan(1e-4);
  });

  it('scales the linear ends with the number of timesteps', () => {
    const betas = betaTable('linear', 500);
    expect(betas[0]).toBeCloseTo(2e-4, 15);
    expect(betas[499]).toBeCloseTo(0.04, 15);
  });

  it('refuses numbers of timesteps that make no schedule', () => {
    expect(() => betaTable('linear', 0)).toThrow(
      'betaTable: timesteps must be a whole number of at least 1, but is 0.',
    );
    expect(() => betaTable('linear', 10)).toThrow(
      'betaTable: 10 linear timesteps are too few: beta reaches 1.1155555555555556, but must lie in (0, 1].',
    );
  });

  it('spaces the roots of scaled-linear evenly, between the published ends', () => {
    const roots = [...betaTable('scaled-linear', 1000)].map((beta) => Math.sqrt(beta));
    expect(roots[0] ** 2).toBeCloseTo(0.00085, 15);
    expect(roots[999] ** 2).toBeCloseTo(0.012, 15);
    expect(roots[500] - roots[499]).toBeCloseTo((roots[999] - roots[0]) / 999, 14);
  });

  it('leaves half of the signal in the middle of sigmoid, and symmetric shares around it', () => {
    const { alphaBar } = createSchedule({ schedule: 'sigmoid', timesteps: 1000 });
    expect(alphaBar[499]).toBeCloseTo(0.5, 12);
    expect(alphaBar[249] + alphaBar[749]).toBeCloseTo(1, 12);
    expect(betaTable('sigmoid', 1000)[999]).toBe(0.999);
  });

  it('makes a schedule of a single kept timestep', () => {
    const { timesteps, posteriorLogVariance, beta } = createSchedule({ respacing: 1 });
    expect(timesteps).toBe(1);
    expect(posteriorLogVariance[0]).toBe(Math.log(beta[0]));
  });
});

describe('a schedule that ends without any signal', () => {
  const ends = { timesteps: 20, schedule: 'linear' } as const;

  it('is refused where eps is predicted, respaced or not', () => {
    for (const respacing of ['', 5, '3,4', 20]) {
      expect(() => createDiffusion({ ...ends, respacing })).toThrow(/alphaBar 0.*Predict 'v'/s);
    }
    expect(createDiffusion({ ...ends, respacing: 'ddim5' }).schedule.timesteps).toBe(5);
    expect(createDiffusion({ ...ends, timesteps: 21 }).schedule.timesteps).toBe(21);
  });

  it.each<Predicted>(['v', 'xStart'])('gives finite samples where %s is', (predicts) => {
    for (const clipDenoised of [false, true]) {
      const diffusion = createDiffusion({ ...ends, predicts });
      const [x, t, output] = [
        tensor([[0.5, -1]]),
        tensor([19], { dtype: 'int32' }),
        tensor([[0.1, 0.2]]),
      ];
      const steps = [
        ddimStep(diffusion, output, x, t, null, { clipDenoised }),
        ddpmStep(diffusion, output, x, t, ones([1, 2]), { clipDenoised }),
      ];
      const all = steps.flatMap((step) => [...step.x.dataSync(), ...step.xStart.dataSync()]);
      expect(all.every(Number.isFinite)).toBe(true);
      const noise = { xT: x, step: () => ones([1, 2]) };
      for (const sampler of ['ddim', 'ddpm'] as const) {
        const end = sample(diffusion, (y) => zeros(y.shape), noise, { sampler, clipDenoised });
        expect(end.dataSync().every(Number.isFinite)).toBe(true);
      }
    }
  });
});

describe('zeroTerminalSnr', () => {
  it('leaves nothing at the last timestep, the same at the first, and scales what lies between', () => {
    for (const schedule of SCHEDULES) {
      const published = createSchedule({ schedule });
      const { alphaBar, sqrtAlphaBar } = createSchedule({ schedule, zeroTerminalSnr: true });
      expect(alphaBar[999]).toBe(0);
      expect(alphaBar[0]).toBeCloseTo(published.alphaBar[0], 14);
      const [first, last] = [published.sqrtAlphaBar[0], published.sqrtAlphaBar[999]];
      for (const j of [1, 250, 500, 900]) {
        const expected = ((published.sqrtAlphaBar[j] - last) * first) / (first - last);
        expect(sqrtAlphaBar[j]).toBeCloseTo(expected, 10);
        expect(alphaBar[j]).toBeLessThan(alphaBar[j - 1]);
      }
    }
  });

  it('needs two timesteps, and a model that does not predict eps', () => {
    expect(() =>
      createSchedule({ schedule: 'squaredcos_cap_v2', timesteps: 1, zeroTerminalSnr: true }),
    ).toThrow('createSchedule: zeroTerminalSnr needs at least 2 timesteps, but there is 1.');
    expect(() => createDiffusion({ zeroTerminalSnr: true })).toThrow(
      /alphaBar 0.*Predict 'v', or leave zeroTerminalSnr out/s,
    );
    expect(createDiffusion({ zeroTerminalSnr: true, respacing: 'ddim10' }).predicts).toBe('eps');
  });
});
