import { describe, expect, it, test } from 'vitest';
import { key, normal, tensor, type Tensor } from '@tessera/tensor';
import {
  createDiffusion,
  createFlow,
  createSchedule,
  qSample,
  randomNoise,
  sample,
  sampleSteps,
  samplersOf,
  type Diffusion,
  type SampledModel,
  type Sampler,
} from '@tessera/dit';
import { dpmSolverSteps } from '../../../../packages/dit/src/diffusion/sampler/dpm-solver.ts';
import { uniPcSteps } from '../../../../packages/dit/src/diffusion/sampler/unipc.ts';
import type { Way } from '../../../../packages/dit/src/diffusion/sampler/way.ts';
import { bestEnds, bestModel, noised, transported } from './mixture.ts';

const STARTS = [-1.7, -0.9, -0.2, 0.4, 1.1, 1.9];
const xT = tensor([STARTS]);
const source = { ...randomNoise(key(0), [1, 6]), xT };
const TIMESTEPS = 4000;
const whole = createSchedule({ schedule: 'squaredcos_cap_v2', timesteps: TIMESTEPS });

const flowModel = bestModel(
  (time) => ({ signal: 1 - time / 1000, noise: time / 1000 }),
  ({ xStart, eps }) => eps - xStart,
);
const velocityModel = bestModel(
  (time) => ({ signal: whole.sqrtAlphaBar[time], noise: whole.sqrtOneMinusAlphaBar[time] }),
  ({ xStart, eps }, signal, noise) => signal * eps - noise * xStart,
);

function scheduled(steps: number): Diffusion {
  return createDiffusion({
    schedule: 'squaredcos_cap_v2',
    timesteps: TIMESTEPS,
    predicts: 'v',
    variance: 'fixed-small',
    respacing: `trailing${steps}`,
  });
}

/** The largest distance of the six latents from where they belong. */
function distance(x: Tensor, exact: readonly number[]): number {
  return Math.max(...Array.from(x.dataSync(), (value, i) => Math.abs(value - exact[i])));
}

/** How far a flow of so many steps ends from the data. */
function flowError(sampler: Sampler, steps: number): number {
  const exact = STARTS.map((x) => transported(x, noised(0, 1), noised(1, 0)));
  return distance(sample(createFlow({ steps }), flowModel, source, { sampler }), exact);
}

/**
 * How far a noise schedule of so many steps is off at its first timestep. The step from there to the data is
 * the same for all samplers.
 */
function scheduleError(sampler: Sampler, steps: number): number {
  const diffusion = scheduled(steps);
  const { sqrtAlphaBar: signal, sqrtOneMinusAlphaBar: noise } = diffusion.schedule;
  const [from, to] = [noised(signal[steps - 1], noise[steps - 1]), noised(signal[0], noise[0])];
  const exact = STARTS.map((x) => transported(x, from, to));
  for (const { x, index } of sampleSteps(diffusion, velocityModel, source, { sampler })) {
    if (index === 1) return distance(x, exact);
  }
  throw new Error('the sampler made no step');
}

/** How far a sampler is off on a way with even steps of log(signal/noise) from −2.5 to 2.5. */
function evenError(sampler: typeof dpmSolverSteps, steps: number): number {
  const places = Array.from({ length: steps + 1 }, (_, n) => {
    const ratio = Math.exp(-2.5 + (5 * n) / steps);
    const [signal, noise] = [ratio / Math.hypot(1, ratio), 1 / Math.hypot(1, ratio)];
    return { signal, noise, signalRate: -noise, noiseRate: signal, clock: 0, index: -1 };
  });
  const way: Way = {
    places,
    placeAt: null,
    see: (x, { signal, noise }) => {
      const ends = Array.from(x.dataSync(), (value) => bestEnds(value, signal, noise));
      return {
        xStart: tensor([ends.map(({ xStart }) => xStart)]),
        eps: tensor([ends.map(({ eps }) => eps)]),
      };
    },
  };
  let end = xT;
  for (const { x } of sampler(way, xT)) end = x;
  const [from, to] = [places[0], places[steps]].map(({ signal, noise }) => noised(signal, noise));
  return distance(
    end,
    STARTS.map((x) => transported(x, from, to)),
  );
}

/** The power of the step length with which an error falls, between two numbers of steps. */
function order(error: (steps: number) => number, few: number, many: number): number {
  return Math.log(error(few) / error(many)) / Math.log(many / few);
}

// Errors of these steps are 1e-5 and more, a hundred times what float32 loses on the way. The measured order
// differs from that of the limit by a share of the step length: 0.25 holds all of them.
describe('the error falls with the order of the method', () => {
  test.each<[Sampler, number]>([
    ['euler', 1],
    ['heun', 2],
    ['midpoint', 2],
  ])('along a flow: %s, %i', (sampler, expected) => {
    const found = order((steps) => flowError(sampler, steps), 32, 128);
    expect(Math.abs(found - expected)).toBeLessThan(0.25);
  });

  test.each<[Sampler, number]>([
    ['ddim', 1],
    ['heun', 2],
  ])('down a noise schedule: %s, %i', (sampler, expected) => {
    const found = order((steps) => scheduleError(sampler, steps), 32, 128);
    expect(Math.abs(found - expected)).toBeLessThan(0.25);
  });

  // The third order reaches float32 sooner, and so is measured with fewer steps.
  test.each([
    ['dpm-solver++', 2, dpmSolverSteps, 32, 128],
    ['unipc', 3, uniPcSteps, 12, 36],
  ] as const)('with even steps of log(signal/noise): %s, %i', (_, expected, steps, few, many) => {
    const found = order((count) => evenError(steps, count), few, many);
    expect(Math.abs(found - expected)).toBeLessThan(0.25);
  });
});

describe('all samplers of one model', () => {
  it('lead to the same data as steps grow, and those of second order sooner', () => {
    const first = { euler: 0.02, ddim: 0.02 } as Readonly<Record<string, number>>;
    for (const sampler of samplersOf('flow')) {
      expect(flowError(sampler, 128), sampler).toBeLessThan(first[sampler] ?? 1e-3);
    }
    for (const sampler of samplersOf('v').filter((name) => name !== 'ddpm')) {
      expect(scheduleError(sampler, 128), sampler).toBeLessThan(first[sampler] ?? 1e-3);
    }
  });

  it('draw the mixture: its mean and spread', () => {
    const noise = randomNoise(key(3), [1, 4000]);
    // Mean 0.13, deviation √(0.3 (0.25 + 1.44) + 0.7 (0.16 + 0.49) − 0.13²) = 0.972; five standard errors
    // of 4000 draws, and as much again for the 64 steps.
    for (const sampler of samplersOf('v')) {
      const x = sample(scheduled(64), velocityModel, noise, { sampler });
      expect(Math.abs(x.mean().itemSync() - 0.13), sampler).toBeLessThan((10 * 0.972) / 63.2);
      const deviation = Math.sqrt(x.variance().itemSync());
      expect(Math.abs(deviation - 0.972), sampler).toBeLessThan((10 * 0.972) / 89.4);
    }
  });
});

describe('the last step', () => {
  it('ends at the clean latent that the model sees, where a step of second order has no meaning', () => {
    for (const sampler of ['dpm-solver++', 'unipc', 'heun'] as const) {
      for (const steps of [1, 2, 3, 10]) {
        const made = [...sampleSteps(scheduled(steps), velocityModel, source, { sampler })];
        const { x, xStart } = made[steps - 1];
        expect(made.length).toBe(steps);
        expect(distance(x, [...xStart.dataSync()]), `${sampler}, ${steps} steps`).toBeLessThan(
          1e-6,
        );
      }
    }
  });

  it('starts from no signal without NaN: dpm-solver++ and heun with a zero-terminal schedule', () => {
    const options = { schedule: 'linear', predicts: 'v', zeroTerminalSnr: true } as const;
    const flat: SampledModel = (x) => x.mul(-0.5);
    for (const sampler of samplersOf('v')) {
      for (const respacing of [2, 3, 20]) {
        const x = sample(createDiffusion({ ...options, respacing }), flat, source, { sampler });
        expect([...x.dataSync()].every(Number.isFinite), `${sampler}, ${respacing}`).toBe(true);
      }
    }
  });
});

describe('calls of the model', () => {
  const counted = (model: SampledModel): { model: SampledModel; calls: () => number } => {
    let calls = 0;
    return {
      model: (...args) => {
        calls += 1;
        return model(...args);
      },
      calls: () => calls,
    };
  };

  test.each<[Sampler, number]>([
    ['euler', 8],
    ['dpm-solver++', 8],
    ['unipc', 8],
    ['heun', 16],
    ['midpoint', 16],
  ])('of a flow of 8 steps with %s: %i', (sampler, expected) => {
    const { model, calls } = counted(flowModel);
    sample(createFlow({ steps: 8 }), model, source, { sampler });
    expect(calls()).toBe(expected);
  });

  it('of a noise schedule: one a step, with heun two but in the last', () => {
    for (const [sampler, expected] of [
      ['ddim', 8],
      ['dpm-solver++', 8],
      ['unipc', 8],
      ['heun', 15],
    ] as const) {
      const { model, calls } = counted(velocityModel);
      sample(scheduled(8), model, source, { sampler });
      expect(calls(), sampler).toBe(expected);
    }
  });
});

describe('what a sampler is refused', () => {
  it('for a process that does not have it, or options it does not take', () => {
    const draw = (process: Parameters<typeof sample>[0], options: object): unknown =>
      sample(process, flowModel, source, options);
    expect(() => draw(createFlow(), { sampler: 'ddim' })).toThrow(
      'sampleSteps: a flow has no sampler ddim. Use euler, heun, midpoint, dpm-solver++, unipc.',
    );
    expect(() => draw(createDiffusion(), { sampler: 'midpoint' })).toThrow(
      'sampleSteps: a noise schedule has no sampler midpoint. Use ddim, ddpm, dpm-solver++, unipc, heun.',
    );
    expect(() => draw(createDiffusion(), { sampler: 'heun', eta: 1 })).toThrow(
      'eta belongs to the ddim sampler; heun adds no noise.',
    );
    expect(() => draw(createFlow({ steps: 4 }), { from: 4 })).toThrow(
      'from is 4, but must be a number of steps left, 0 to 3.',
    );
  });
});

describe('from a place in the middle', () => {
  it('a noised latent is finished', () => {
    const diffusion = scheduled(40);
    const known = tensor([STARTS]);
    const t = tensor([10], { dtype: 'int32' });
    const started = qSample(diffusion.schedule, known, t, normal(key(5), [1, 6]));
    const perfect: SampledModel = (x, _t, time) => {
      const [signal, noise] = [whole.sqrtAlphaBar[time], whole.sqrtOneMinusAlphaBar[time]];
      const eps = x.sub(known.mul(signal)).div(noise);
      return eps.mul(signal).sub(known.mul(noise));
    };
    for (const sampler of ['ddim', 'heun', 'dpm-solver++', 'unipc'] as const) {
      const steps = [
        ...sampleSteps(diffusion, perfect, { ...source, xT: started }, { from: 10, sampler }),
      ];
      expect(steps.map(({ index }) => index)).toEqual([10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
      expect(distance(steps[10].x, STARTS), sampler).toBeLessThan(1e-4);
    }
  });
});
