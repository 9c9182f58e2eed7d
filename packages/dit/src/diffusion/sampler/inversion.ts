// Inversion: from a latent to the noise that DDIM, or Euler's method along a flow, turns into it.

import {
  checkFunction,
  checkOptions,
  checkTensors,
  ValueError,
  type Tensor,
} from '@tessera/tensor';
import { checkWhole } from '../../config/argument-check.ts';
import { checkProcess, isFlow, type Process } from '../process/process.ts';
import { checkFrom, lastStep } from './place.ts';
import { slope, wayThrough, type Place, type SampledModel, type Way } from './way.ts';

/** Options of {@link invertDdim} and {@link inversionSteps}. */
export interface InversionOptions {
  /** Calls of the model a step. Default 1; with more, {@link sample} comes back closer to the latent. */
  readonly iterations?: number;
  /**
   * Where to stop: the `from` with which {@link sampleSteps} goes back. Default: pure noise, all steps but one
   * left after the first. An earlier place keeps more of the latent.
   */
  readonly to?: number;
}

/** One step of an inversion. */
export interface InversionStep {
  /** The latent with the noise of `index`. */
  readonly x: Tensor;
  /** The place of x, to be the `from` of {@link sampleSteps}: 0 after the first step. */
  readonly index: number;
}

/**
 * The noise from which the ddim sampler with eta 0, or the euler sampler of a flow, draws a latent: step by step
 * from the data to noise. A step of DDIM takes x to `x' = a' (x − b eps)/a + b' eps`, with a² = alphaBar and
 * b² = 1 − alphaBar. So `x = a (x' − b' eps)/a' + b eps`, but eps is that of the unknown x. The first call
 * asks the model at x' in its place, each further one at the x of the call before. A flow goes its equation
 * backwards: `x = x' + (s − s') u`, with the velocity u of the unknown x, found in the same way.
 *
 * Sources: Song et al. 2021, section 4.3; Pan et al. 2023, "Effective real image editing with accelerated
 * iterative diffusion inversion" (the iteration).
 *
 * @param xStart `[B, C, ...]`
 * @returns `[B, C, ...]`, to be the xT of {@link sample}. From there, sample with changed labels to edit.
 * @throws ValueError if the last kept timestep has no signal: its noise tells nothing of the latent.
 * @example
 * const diffusion = createDiffusion({ predicts: 'v', respacing: 20 });
 * const model = (x: Tensor) => x.mul(0.1);
 * const xT = invertDdim(diffusion, model, normal(key(0), [1, 4, 8, 8]), { iterations: 4 });
 * sample(diffusion, model, { ...randomNoise(key(1), [1, 4, 8, 8]), xT }); // float32[1, 4, 8, 8]
 */
export function invertDdim(
  process: Process,
  model: SampledModel,
  xStart: Tensor,
  options: InversionOptions = {},
): Tensor {
  let noisier = xStart;
  for (const { x } of stepsBack('invertDdim', process, model, xStart, options)) noisier = x;
  return noisier;
}

/**
 * Runs {@link invertDdim} step by step, to show progress or to keep what is on the way. Arguments are checked at
 * once; nothing is computed before the first iteration.
 *
 * @throws ValueError as {@link invertDdim}
 * @example
 * const flow = createFlow({ steps: 4 });
 * const places = [...inversionSteps(flow, (x) => x.mul(0.1), ones([1, 4, 8, 8]), { to: 2 })];
 * places.map(({ index }) => index); // [0, 1, 2]
 */
export function inversionSteps(
  process: Process,
  model: SampledModel,
  xStart: Tensor,
  options: InversionOptions = {},
): Generator<InversionStep, void, void> {
  return stepsBack('inversionSteps', process, model, xStart, options);
}

function stepsBack(
  op: string,
  process: Process,
  model: SampledModel,
  xStart: Tensor,
  options: InversionOptions,
): Generator<InversionStep, void, void> {
  checkProcess(op, process);
  checkFunction(op, model);
  checkTensors(op, { xStart });
  checkOptions(op, options, ['iterations', 'to']);
  const { iterations = 1, to = lastStep(process) } = options;
  checkWhole(op, 'iterations', iterations, 1);
  checkFrom(op, 'to', process, to);
  const way = wayThrough(process, model, {});
  const places = way.places.slice(lastStep(process) - to).reverse(); // the clean end first
  if (!isFlow(process) && places.some(({ signal }) => signal === 0)) {
    throw new ValueError(
      op,
      'the last kept timestep is noise without any signal (alphaBar 0), from which nothing comes back. ' +
        "Keep other timesteps, such as 'ddim50', or leave zeroTerminalSnr out.",
    );
  }
  return climb(way, places, isFlow(process) ? backAlongFlow : backByDdim, xStart, iterations);
}

/** A step back, from x at a place to a noisier one, by what the model sees there. */
type StepBack = (x: Tensor, at: Place, noisier: Place, seen: ReturnType<Way['see']>) => Tensor;

const backByDdim: StepBack = (x, at, noisier, { eps }) => {
  const grow = noisier.signal / at.signal;
  return x.mul(grow).add(eps.mul(noisier.noise - grow * at.noise));
};

const backAlongFlow: StepBack = (x, at, noisier, seen) =>
  x.add(slope(seen, noisier).mul(noisier.clock - at.clock));

function* climb(
  { see }: Way,
  places: readonly Place[],
  stepBack: StepBack,
  xStart: Tensor,
  iterations: number,
): Generator<InversionStep, void, void> {
  let x = xStart;
  for (let index = 0; index + 1 < places.length; index++) {
    const [at, noisier] = [places[index], places[index + 1]];
    let next = x;
    for (let n = 0; n < iterations; n++) next = stepBack(x, at, noisier, see(next, noisier));
    x = next;
    yield { x, index };
  }
}
