// The places that a sampler passes from noise to data, and what its model sees there.

import { full, type Tensor } from '@tessera/tensor';
import { splitOutput, type Diffusion } from '../process/diffusion.ts';
import { flowEnds, type Flow } from '../process/flow.ts';
import { modelTimestep } from '../process/noising.ts';
import { isFlow, type Process } from '../process/process.ts';
import { denoise, type Denoised, type DenoiseOptions } from '../process/reverse.ts';

/**
 * A model as a sampler calls it: x `[B, C, ...]`, the timesteps t `[B]` that it is told, and the number that
 * all of them hold. A noise schedule gives int32 timesteps, a flow float32 ones. A flow map is also told the
 * timesteps `[B]` at which the step ends.
 */
export type SampledModel = (x: Tensor, t: Tensor, time: number, end?: Tensor) => Tensor;

/**
 * A place on the way from noise to data. There a latent is `x = signal · xStart + noise · eps`, and moves with
 * the clock as `dx/dclock = signalRate · xStart + noiseRate · eps`: the probability-flow equation.
 */
export interface Place {
  readonly signal: number;
  readonly noise: number;
  readonly signalRate: number;
  readonly noiseRate: number;
  readonly clock: number;
  /** The kept timestep of a noise schedule; −1 at its clean end, where no model is trained, and in a flow. */
  readonly index: number;
}

/** The way of a sampler: from the noisiest place to the clean end. */
export interface Way {
  readonly places: readonly Place[];
  /** What the model sees in x at a place, for a flow map on the way to `next`. */
  see(x: Tensor, place: Place, next?: Place): Denoised;
  /** The place at a moment of the clock. A noise schedule has only its timesteps, and no such places. */
  readonly placeAt: ((clock: number) => Place) | null;
}

/** The way through a process with a model. */
export function wayThrough(process: Process, model: SampledModel, options: DenoiseOptions): Way {
  return isFlow(process)
    ? wayThroughFlow(process, model, options)
    : wayThroughSchedule(process, model, options);
}

/** The rate at which a latent moves with the clock. */
export function slope({ xStart, eps }: Denoised, place: Place): Tensor {
  return xStart.mul(place.signalRate).add(eps.mul(place.noiseRate));
}

/** The clock of a flow is its time s: signal 1 − s, noise s. */
function wayThroughFlow(flow: Flow, model: SampledModel, options: DenoiseOptions): Way {
  const placeAt = (s: number): Place => ({
    signal: 1 - s,
    noise: s,
    signalRate: -1,
    noiseRate: 1,
    clock: s,
    index: -1,
  });
  return {
    places: Array.from(flow.times, placeAt),
    placeAt,
    see: (x, { clock }, next) => {
      const batch = [x.shape[0]];
      const time = clock * flow.timesteps;
      const end =
        flow.predicts === 'mean-flow' && next !== undefined
          ? [full(batch, next.clock * flow.timesteps)]
          : [];
      return flowEnds(x, full(batch, clock), model(x, full(batch, time), time, ...end), options);
    },
  };
}

/**
 * The clock of a noise schedule is the angle φ with signal cos φ and noise sin φ. The rate of a latent is then
 * the velocity v, which is finite everywhere, without signal and without noise.
 *
 * Source: Salimans & Ho 2022, "Progressive distillation for fast sampling of diffusion models", appendix D.
 */
function wayThroughSchedule(
  diffusion: Diffusion,
  model: SampledModel,
  options: DenoiseOptions,
): Way {
  const { schedule } = diffusion;
  const kept = Array.from(schedule.sqrtAlphaBar, (signal, index): Place => {
    const noise = schedule.sqrtOneMinusAlphaBar[index];
    const clock = Math.atan2(noise, signal);
    return { signal, noise, signalRate: -noise, noiseRate: signal, clock, index };
  });
  const clean = { signal: 1, noise: 0, signalRate: 0, noiseRate: 1, clock: 0, index: -1 };
  return {
    places: [...kept.reverse(), clean],
    placeAt: null,
    see: (x, { index }) => {
      const t = full([x.shape[0]], index, 'int32');
      const output = model(x, modelTimestep(schedule, t), schedule.timestepMap[index]);
      return denoise(diffusion, splitOutput(diffusion, output, x).prediction, x, t, options);
    },
  };
}

/** Half the logarithm of the signal-to-noise ratio: −∞ without signal, ∞ without noise. */
export function logRatio({ signal, noise }: Place): number {
  return Math.log(signal / noise);
}
