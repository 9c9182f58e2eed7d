import { describe, expect, it } from 'vitest';
import { key, tensor, type Tensor } from '@tessera/tensor';
import {
  createDiffusion,
  createFlow,
  createSchedule,
  inversionSteps,
  invertDdim,
  randomNoise,
  sample,
  type Diffusion,
  type Flow,
} from '@tessera/dit';
import { bestModel, noised, transported } from './mixture.ts';

const source = randomNoise(key(0), [1, 5]);
const flowModel = bestModel(
  (time) => ({ signal: 1 - time / 1000, noise: time / 1000 }),
  ({ xStart, eps }) => eps - xStart,
);

/** The largest distance of latents from where they belong. */
function distance(x: Tensor, exact: readonly number[]): number {
  return Math.max(...Array.from(x.dataSync(), (value, i) => Math.abs(value - exact[i])));
}

describe('DDIM inversion', () => {
  const latent = tensor([[-1.5, -0.4, 0.2, 0.6, 1.2]]);
  const linear = createSchedule();
  const model = bestModel(
    (time) => ({ signal: linear.sqrtAlphaBar[time], noise: linear.sqrtOneMinusAlphaBar[time] }),
    ({ xStart, eps }, signal, noise) => signal * eps - noise * xStart,
  );
  const process = (steps: number): Diffusion =>
    createDiffusion({ predicts: 'v', respacing: `trailing${steps}` });
  const error = (steps: number, iterations: number): number => {
    const noise = invertDdim(process(steps), model, latent, { iterations });
    const back = sample(process(steps), model, { ...source, xT: noise });
    return distance(back, [...latent.dataSync()]);
  };

  it('comes back as steps grow, and sooner with more iterations', () => {
    expect(error(128, 1)).toBeLessThan(0.6 * error(64, 1));
    expect(error(32, 2)).toBeLessThan(error(32, 1));
    // A fixed point: what is left is float32, grown 160-fold on the way from the last timestep.
    expect(error(32, 30)).toBeLessThan(2e-4);
  });

  it('finds the noise of the probability flow', () => {
    const steps = 250;
    const { sqrtAlphaBar, sqrtOneMinusAlphaBar } = process(steps).schedule;
    const end = noised(sqrtAlphaBar[steps - 1], sqrtOneMinusAlphaBar[steps - 1]);
    const exact = [...latent.dataSync()].map((x) => transported(x, noised(1, 0), end));
    // A method of first order, off by 0.04 at 250 steps.
    expect(distance(invertDdim(process(steps), model, latent), exact)).toBeLessThan(0.08);
  });

  it('goes a flow backwards, and comes back as steps grow', () => {
    const flow = (steps: number): Flow => createFlow({ steps });
    const flowError = (steps: number, iterations: number): number => {
      const xT = invertDdim(flow(steps), flowModel, latent, { iterations });
      return distance(sample(flow(steps), flowModel, { ...source, xT }), [...latent.dataSync()]);
    };
    expect(flowError(128, 1)).toBeLessThan(0.6 * flowError(64, 1));
    expect(flowError(32, 30)).toBeLessThan(1e-5);
    const exact = [...latent.dataSync()].map((x) => transported(x, noised(1, 0), noised(0, 1)));
    // A method of first order, as above.
    expect(distance(invertDdim(flow(250), flowModel, latent), exact)).toBeLessThan(0.08);
  });

  it('stops on its way where sampling goes on from', () => {
    for (const [way, told] of [
      [process(32), model],
      [createFlow({ steps: 32 }), flowModel],
    ] as const) {
      const steps = [...inversionSteps(way, told, latent, { iterations: 30, to: 12 })];
      expect(steps.map(({ index }) => index)).toEqual(Array.from({ length: 13 }, (_, i) => i));
      const xT = steps[12].x;
      const back = sample(way, told, { ...source, xT }, { from: 12 });
      expect(distance(back, [...latent.dataSync()])).toBeLessThan(1e-4);
      expect(() => inversionSteps(way, told, latent, { to: 32 })).toThrow(
        /^inversionSteps: to is 32, but must be a (kept timestep|number of steps left), 0 to 31\.$/,
      );
    }
  });

  it('is refused where the last timestep has no signal', () => {
    const diffusion = createDiffusion({ predicts: 'v', zeroTerminalSnr: true });
    expect(() => invertDdim(diffusion, model, latent)).toThrow(/noise without any signal/);
  });
});
