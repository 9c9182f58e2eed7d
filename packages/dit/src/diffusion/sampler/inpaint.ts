// Inpainting by the sampler: a region of the latent is known, and the rest is drawn to fit.

import {
  checkOptions,
  checkTensors,
  formatShape,
  formatSpec,
  ShapeError,
  ValueError,
  type Tensor,
} from '@tessera/tensor';
import { checkFields, checkWhole } from '../../config/argument-check.ts';
import { isFlow, type Process } from '../process/process.ts';
import type { NoiseSource } from './noise.ts';
import { lastStep } from './place.ts';
import { sampleSteps, type SampledStep, type SamplerOptions } from './sample.ts';
import { wayThrough, type Place, type SampledModel } from './way.ts';

/** A latent, and which of its values are known. */
export interface KnownRegion {
  /** `[B, C, ...]`; what it holds where it is not known does not matter, if it is finite. */
  readonly latent: Tensor;
  /** bool, `[B, C, ...]` or broadcast to it: true where values are drawn, false where they are known. */
  readonly mask: Tensor;
}

/** Options of {@link inpaintSteps}. */
export interface InpaintOptions extends Omit<SamplerOptions, 'from'> {
  /** How often each stretch of steps is passed. Default 1: the plain sampler. RePaint takes 10. */
  readonly passes?: number;
  /** Number of steps of a stretch, if it is passed more than once. Default 10, RePaint's. */
  readonly stretch?: number;
}

/**
 * Runs a sampler whose model sees the known values, at each step with the noise that belongs there, in place of those
 * that it drew. So what is drawn grows together with what is known. The noise of the known values is that of the
 * start: along it they move as in a deterministic sampler.
 *
 * A model decides early, when it sees the known values only through much noise. With several passes the sampler goes
 * back after each stretch of steps, by adding noise to all values, and takes the stretch anew: what is known comes
 * through to what is drawn, and seams close. Each pass costs the stretch's calls of the model.
 *
 * Source: Lugmayr et al. 2022, "RePaint: inpainting using denoising diffusion probabilistic models", equation 8 and
 * algorithm 1. There the noise of the known values is drawn anew at each step.
 *
 * @returns As {@link sampleSteps}, where x and xStart hold the known values. n counts the steps of all passes.
 * @throws ValueError as {@link sampleSteps}; ShapeError or ValueError if the region does not fit the noise.
 * @example
 * const region = { latent: ones([1, 4, 8, 8]), mask: zeros([8, 8], 'bool') }; // all of it is known
 * const steps = [...inpaintSteps(createFlow({ steps: 4 }), (x) => x, randomNoise(key(0), [1, 4, 8, 8]), region)];
 * steps[3].x.sub(1).abs().max(); // 0
 */
export function inpaintSteps(
  process: Process,
  model: SampledModel,
  source: NoiseSource,
  region: KnownRegion,
  options: InpaintOptions = {},
): Generator<SampledStep, void, void> {
  checkOptions('inpaintSteps', options, ['passes', 'stretch', 'sampler', 'eta', 'clipDenoised']);
  const { passes, stretch, ...sampler } = options;
  sampleSteps(process, model, source, sampler); // checks what both take
  checkRegion(region, source.xT);
  for (const [name, count] of Object.entries({ passes, stretch })) {
    if (count !== undefined) checkWhole('inpaintSteps', name, count, 1);
  }
  return stretches(process, model, source, region, options);
}

function checkRegion(region: KnownRegion, xT: Tensor): void {
  const op = 'inpaintSteps';
  checkFields(op, 'region', region, ['latent', 'mask'], 'Give { latent, mask }.');
  const { latent, mask } = region;
  checkTensors(op, { latent, mask });
  if (mask.dtype !== 'bool') {
    throw new ValueError(
      op,
      `mask is ${formatSpec(mask)}, expected bool: true where values are drawn.`,
    );
  }
  const fits = mask.shape.every((size, i) => {
    const wanted = xT.shape[xT.rank - mask.rank + i];
    return size === 1 || size === wanted;
  });
  if (formatShape(latent.shape) === formatShape(xT.shape) && fits) return;
  throw new ShapeError(
    op,
    `latent is ${formatShape(latent.shape)}, mask is ${formatShape(mask.shape)}, but the noise is ${formatShape(xT.shape)}: expected a latent of its shape, and a mask that broadcasts to it.`,
    [latent.shape, mask.shape, xT.shape],
  );
}

function* stretches(
  process: Process,
  model: SampledModel,
  source: NoiseSource,
  { latent, mask }: KnownRegion,
  { passes = 1, stretch = 10, ...sampler }: InpaintOptions,
): Generator<SampledStep, void, void> {
  const { places } = wayThrough(process, model, {});
  const last = lastStep(process);
  const length = passes === 1 ? last + 1 : stretch;
  let [x, eps] = [source.xT, source.xT]; // eps is the noise of the known values
  let n = 0;
  let drawn = 0; // how often the source was asked for noise
  for (let from = last; from >= 0; from -= length) {
    const steps = Math.min(length, from + 1);
    const [start, end] = [places[last - from], places[last - from + steps]];
    for (let pass = 1; pass <= passes; pass++) {
      const knownAt = ({ signal, noise }: Pick<Place, 'signal' | 'noise'>): Tensor =>
        noise === 0 ? latent : latent.mul(signal).add(eps.mul(noise));
      const seen: SampledModel = (at, t, time, ...next) =>
        model(mask.where(at, knownAt(amounts(process, time))), t, time, ...next);
      const before = drawn;
      const noises = { xT: x, step: (step: number) => source.step(before + step) };
      for (const step of sampleSteps(process, seen, noises, { ...sampler, from })) {
        x = mask.where(step.x, knownAt(places[last - step.index + 1]));
        yield { x, xStart: mask.where(step.xStart, latent), n: n++, index: step.index };
        if (step.index === from - steps + 1) break;
      }
      drawn += steps;
      if (pass < passes) {
        // x = (signal/signal') x' + √(noise² − (signal/signal')² noise'²) · fresh, and so does its noise.
        const kept = start.signal / end.signal;
        const added = Math.sqrt(start.noise ** 2 - (kept * end.noise) ** 2);
        const fresh = source.step(drawn++).mul(added);
        x = x.mul(kept).add(fresh);
        eps = eps
          .mul(kept * end.noise)
          .add(fresh)
          .div(start.noise);
      }
    }
  }
}

/** How much signal and noise a latent has at a timestep that the model is told. */
function amounts(process: Process, time: number): Pick<Place, 'signal' | 'noise'> {
  if (isFlow(process)) {
    const s = time / process.timesteps;
    return { signal: 1 - s, noise: s };
  }
  const { schedule } = process;
  const index = schedule.timestepMap.indexOf(time);
  return { signal: schedule.sqrtAlphaBar[index], noise: schedule.sqrtOneMinusAlphaBar[index] };
}
