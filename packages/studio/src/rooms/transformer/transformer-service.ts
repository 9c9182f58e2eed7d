// The service of the room Inside the transformer: draws a digit, and sends what the model computes.

import {
  denoise,
  flowEnds,
  latentShape,
  loadRun,
  patchGrid,
  randomNoise,
  runDiffusion,
  sampleSteps,
  splitOutput,
  type ConditionValues,
  type Process,
  type TrainedRun,
} from '@tessera/dit';
import { concat, foldIn, full, key, tensor, tree, type Tensor } from '@tessera/tensor';
import { nextTask } from '../../engine/next-task.ts';
import { factsOf, type RunFacts } from '../../engine/run/run-facts.ts';
import { fetchRun, type Arrived } from '../../engine/run/run-files.ts';
import { conditionsOf, type Subject } from '../../engine/run/subject.ts';
import type { Call, Service } from '../../engine/service.ts';
import type { Layout, Moment, Watched } from './transformer-messages.ts';
import { watch, type WatchedForward } from './watched-model.ts';

let loaded: TrainedRun | null = null;

/** Fetches and puts together the run beside the page. */
async function load(
  { base }: { readonly base: string },
  call: Call<Arrived>,
): Promise<{ readonly run: RunFacts; readonly layout: Layout }> {
  const parts = await fetchRun(base, call.signal, (arrived) => call.update(arrived));
  loaded = loadRun(parts, 'run');
  const run = factsOf(loaded);
  const { model } = loaded.config;
  const [, ...latent] = latentShape(model, 1);
  const hasNull = model.numClasses === 0 || model.classDropoutProb > 0;
  const layout = {
    latent,
    grid: patchGrid(model),
    patchSize: model.patchSize,
    depth: model.depth,
    heads: model.numHeads,
    leading: model.design === 'in-context' ? 2 : 0,
    isGuided: run.isGuided && hasNull,
  };
  return { run, layout };
}

/** Draws one digit, and sends a {@link Moment} for each step. */
async function sample(asked: Watched, call: Call<Moment>): Promise<{ readonly steps: number }> {
  if (loaded === null) throw new Error('No run is loaded yet.');
  const { config, model, generator } = loaded;
  const { steps, seed } = asked;
  const values = valuesOf(loaded, asked);
  const hasNull = config.model.numClasses === 0 || config.model.classDropoutProb > 0;
  const guidance = factsOf(loaded).isGuided && hasNull ? asked.guidance : null;
  const process = runDiffusion(config, steps);
  // As in the room Draw, so that one seed gives one digit.
  const noise = randomNoise(foldIn(key(seed), 0), latentShape(config.model, 1));
  const calls: { readonly x: Tensor; readonly time: number; readonly seen: WatchedForward }[] = [];
  const told = (x: Tensor, t: Tensor, time: number, end?: Tensor): Tensor => {
    const seen = watch(model, x, t, values, guidance, end);
    calls.push({ x, time, seen });
    return seen.prediction;
  };
  let done = 0;
  for (const { index } of sampleSteps(process, told, noise, { sampler: config.sampling.sampler })) {
    // A step of heun and midpoint calls the model twice: the first call sees where the step begins.
    const [{ x, time, seen }] = calls.splice(0);
    const moment = await momentOf({ x, time, seen, process, index, generator }, ++done);
    const { guidance: parts } = moment;
    call.update(moment, [
      moment.seen.buffer,
      moment.latent.buffer,
      moment.attention.buffer,
      moment.gates.buffer,
      moment.condition.buffer,
      ...(parts === null
        ? []
        : [parts.condition, parts.without, parts.told, parts.guided, parts.difference].map(
            ({ buffer }): ArrayBuffer => buffer,
          )),
    ]);
    const { prediction: _, ...others } = seen;
    for (const leaf of tree.leaves(others)) if (leaf !== seen.prediction) leaf[Symbol.dispose]();
    await nextTask();
    call.signal.throwIfAborted();
  }
  return { steps: done };
}

/** The service. */
export const transformerService = { load, sample } satisfies Service;

/** The values of all conditions for one image. */
function valuesOf(run: TrainedRun, subject: Subject): ConditionValues {
  const { model, config } = run;
  const arrays = Object.entries(conditionsOf(run, subject, {}, 1));
  const others = arrays.map(([name, array]): [string, Tensor] => {
    return [name, tensor(array, { shape: [1, ...model.conditions[name].values.shape] })];
  });
  const label = tensor([subject.label], { dtype: 'int32' });
  return { ...Object.fromEntries(others), ...(config.model.numClasses > 0 && { label }) };
}

/** A call of the model inside of a step. */
interface WatchedCall {
  readonly x: Tensor;
  readonly time: number;
  readonly seen: WatchedForward;
  readonly process: Process;
  readonly index: number;
  readonly generator: TrainedRun['generator'];
}

async function momentOf(
  { x, time, seen, process, index, generator }: WatchedCall,
  step: number,
): Promise<Moment> {
  const [batch] = seen.outputs.shape;
  const clean = (outputs: Tensor): Tensor => cleanOf(process, x, outputs, time, index);
  const pictures = bytesOf(
    await generator.decode(concat([x, clean(seen.outputs), clean(seen.prediction)], 0)),
  );
  const length = pictures.length / (batch + 2);
  const picture = (i: number): Uint8ClampedArray<ArrayBuffer> =>
    pictures.slice(i * length, (i + 1) * length);
  const last = (all: Tensor): Promise<Float32Array<ArrayBuffer>> =>
    valuesIn(all.slice([[batch - 1, batch]]));
  const [gates] = seen.gates as readonly (Tensor | undefined)[];
  return {
    step,
    time,
    seen: picture(0),
    latent: await valuesIn(x),
    attention: await last(seen.attention),
    gates: gates === undefined ? new Float32Array() : await last(gates),
    condition: await last(seen.condition),
    guidance:
      batch === 1
        ? null
        : {
            condition: await valuesIn(seen.condition.slice([[0, 1]])),
            without: picture(1),
            told: picture(2),
            guided: picture(3),
            difference: await valuesIn(differenceOf(seen.outputs, x.shape[1])),
          },
  };
}

/** The clean latents that outputs `[B, Cout, h, w]` of the model for one latent stand for. */
function cleanOf(
  process: Process,
  x: Tensor,
  outputs: Tensor,
  time: number,
  index: number,
): Tensor {
  const [batch] = outputs.shape;
  const xs = x.expand([batch, ...x.shape.slice(1)]);
  if (!('schedule' in process)) {
    return flowEnds(xs, full([batch], time / process.timesteps), outputs).xStart;
  }
  const { prediction } = splitOutput(process, outputs, xs);
  return denoise(process, prediction, xs, full([batch], index, 'int32')).xStart;
}

/** How far two outputs `[2, Cout, h, w]` are apart at each place, over the channels of a latent: `[h, w]`. */
function differenceOf(outputs: Tensor, channels: number): Tensor {
  const predictions = outputs.slice([null, [0, channels]]);
  const [without, told] = predictions.chunk(2, 0);
  const apart = told.sub(without);
  return apart.mul(apart).sum(1).sqrt();
}

async function valuesIn(all: Tensor): Promise<Float32Array<ArrayBuffer>> {
  return Float32Array.from(await all.data());
}

/** Values of about -1 to 1 as bytes. */
function bytesOf(values: Float32Array): Uint8ClampedArray<ArrayBuffer> {
  return Uint8ClampedArray.from(values, (value) => 127.5 * (value + 1));
}
