// The service of the room Draw: a trained run that draws, completes drawings and goes from one to another.

import {
  loadRun,
  runDiffusion,
  slerp,
  latentShape,
  type DrawOptions,
  type TrainedRun,
} from '@tessera/dit';
import { concat, key, normal, tensor } from '@tessera/tensor';
import type { Call, Service } from '../../engine/service.ts';
import { factsOf, type RunFacts } from '../../engine/run/run-facts.ts';
import { fetchRun, type Arrived } from '../../engine/run/run-files.ts';
import { conditionsOf, repeated } from '../../engine/run/subject.ts';
import type { Completion, Drawing, Drawn, Frame, NewDrawing, Path } from './draw-messages.ts';

let loaded: TrainedRun | null = null;

/** The room loads a run before it draws. */
function run(): TrainedRun {
  if (loaded === null) throw new Error('No run is loaded yet.');
  return loaded;
}

/** Fetches and puts together the run beside the page. */
async function load({ base }: { readonly base: string }, call: Call<Arrived>): Promise<RunFacts> {
  const parts = await fetchRun(base, call.signal, (arrived) => call.update(arrived));
  loaded = loadRun(parts, 'run');
  return factsOf(loaded);
}

/** Draws new images. */
function draw(drawing: NewDrawing, call: Call<Frame>): Promise<Drawn> {
  return film(
    drawing,
    drawing.count,
    { conditions: conditionsOf(run(), drawing, drawing.maps, drawing.count) },
    call,
  );
}

/** Completes a drawing: the masked part is drawn anew, or all of it from some noise on. */
async function complete(asked: Completion, call: Call<Frame>): Promise<Drawn> {
  const { generator, config, imageShape } = run();
  const { pixels, mask, strength, steps, sampler, count, seed } = asked;
  const conditions = conditionsOf(run(), asked, asked.maps, count);
  const { size, channels } = imageShape;
  const image = Float32Array.from({ length: channels * size ** 2 }, (_, i) => {
    return 2 * pixels[i % size ** 2] - 1;
  });
  const one = await generator.encode(tensor(image, { shape: [1, channels, size, size] }));
  const latents = repeated(one, count);
  if (mask.includes(1)) {
    const side = latentShape(config.model, 1)[2];
    const region = { latents, mask: latentMask(mask, size, side) };
    return film(asked, count, { conditions, region }, call);
  }
  const process = runDiffusion({ ...config, sampling: { ...config.sampling, sampler } }, steps);
  const isSchedule = 'schedule' in process;
  const last = (isSchedule ? process.schedule.timesteps : process.times.length - 1) - 1;
  const from = Math.min(last, Math.max(0, Math.round(strength * (last + 1)) - 1));
  const time = isSchedule ? 0 : process.times[last - from];
  const signal = isSchedule ? process.schedule.sqrtAlphaBar[from] : 1 - time;
  const noise = isSchedule ? process.schedule.sqrtOneMinusAlphaBar[from] : time;
  const eps = await normal(key(seed), latentShape(config.model, count)).data();
  const xT = latents.map((value, i) => signal * value + noise * eps[i]);
  return film(asked, count, { conditions, xT, from }, call);
}

/** Draws images on the way from one subject and seed to another. */
async function path(asked: Path, call: Call<Frame>): Promise<Drawn> {
  const { config } = run();
  const { count, seed, toSeed, to } = asked;
  const shares = Array.from({ length: count }, (_, i) => i / Math.max(1, count - 1));
  const shape = latentShape(config.model, 1);
  const [first, second] = [normal(key(seed), shape), normal(key(toSeed), shape)];
  const noises = shares.map((share) => (seed === toSeed ? first : slerp(first, second, share)));
  const xT = (await concat(noises, 0).data()) as Float32Array;
  const isSame = to.label === asked.label && to.prompt === asked.prompt;
  const towards = {
    shares,
    ...(config.model.numClasses > 0 && { labels: new Array<number>(count).fill(to.label) }),
    conditions: conditionsOf(run(), to, {}, count),
  };
  const conditions = conditionsOf(run(), asked, asked.maps, count);
  return film(asked, count, { conditions, xT, ...(!isSame && { towards }) }, call);
}

/** The service. */
export const drawService = { load, draw, complete, path } satisfies Service;

/** Draws, and sends every step with its latents and the guess behind them as pictures. */
async function film(
  { label, guidance, steps, sampler, seed }: Drawing,
  count: number,
  options: DrawOptions,
  call: Call<Frame>,
): Promise<Drawn> {
  const { generator } = run();
  const start = performance.now();
  let totalSteps = steps;
  let done = 0;
  await run().drawLatents(new Array<number>(count).fill(label), {
    ...options,
    guidance,
    steps,
    sampler,
    seed,
    onStep: async ({ x, xStart }) => {
      call.signal.throwIfAborted();
      const both = bytesOf(await generator.decode(concat([x, xStart], 0)));
      const half = both.length / 2;
      const [drawn, guess] = [both.slice(0, half), both.slice(half)];
      done++;
      if (options.from !== undefined) totalSteps = options.from + 1;
      const frame = { step: done, totalSteps, drawn, guess };
      call.update(frame, [drawn.buffer, guess.buffer]);
    },
  });
  return { milliseconds: performance.now() - start };
}

/** Values of about -1 to 1 as bytes. */
function bytesOf(values: Float32Array): Uint8ClampedArray<ArrayBuffer> {
  return Uint8ClampedArray.from(values, (value) => 127.5 * (value + 1));
}

/** A mask for latents: a place is drawn if any pixel of its square is. */
function latentMask(mask: Uint8Array, size: number, side: number): Uint8Array {
  const square = size / side;
  const small = new Uint8Array(side ** 2);
  mask.forEach((drawn, pixel) => {
    const [row, column] = [Math.floor(pixel / size), pixel % size];
    if (drawn === 1) small[Math.floor(row / square) * side + Math.floor(column / square)] = 1;
  });
  return small;
}
