// The images of a picture of samples, for each way to draw them: what is asked, row by row.

import { key, normal, tensor } from '@tessera/tensor';
import { INPAINT } from '../config/condition.ts';
import { knownPixels } from '../data/measures/masks.ts';
import { slerp } from '../diffusion/sampler/slerp.ts';
import { latentLength, latentShape } from '../model/dit.ts';
import { askedConditions } from './asked-conditions.ts';
import { repeated } from './conditioning.ts';
import type { LatentRegion } from './generate-options.ts';
import { latentMask, readImage, readMask } from './image-file.ts';
import type { SampleOptions } from './options.ts';
import { GRID_COLUMNS } from './sample-grid.ts';
import type { DrawOptions, TrainedRun } from './trained-run.ts';

/** The images of a picture: the same number of columns for each label. */
export interface Drawing {
  readonly columns: number;
  readonly columnLabels?: readonly string[];
  /** What is drawn, besides the labels of the rows and the settings of sampling. */
  readonly options: DrawOptions;
  /** An image that stands before the columns of each row. */
  readonly given?: Float32Array;
  /** Puts back into the drawn images what was known. */
  readonly finish?: (images: Float32Array) => void;
}

/** Reads the files that the options name, and makes what the generator is to draw. */
export function drawingOf(options: SampleOptions, run: TrainedRun): Promise<Drawing> {
  if (options.interpolate !== undefined) return interpolation(options, run);
  if (options.inpaint !== undefined) return inpainting(options, run);
  if (options.edit !== undefined) return editing(options, run);
  return plain(options, run);
}

async function plain(options: SampleOptions, run: TrainedRun): Promise<Drawing> {
  const { count: columns = GRID_COLUMNS } = options;
  return { columns, options: await askedConditions(options, run.model, columns) };
}

/** Each row goes from one end to the other, from noise that is the same along the row, or goes along. */
async function interpolation(options: SampleOptions, run: TrainedRun): Promise<Drawing> {
  const { interpolate = {}, labels, seed } = options;
  const { columns = GRID_COLUMNS, toLabels, toTexts, toSeed } = interpolate;
  const asked = await askedConditions(options, run.model, columns);
  const part = (column: number): number => (columns === 1 ? 0 : column / (columns - 1));
  const shares = labels.flatMap(() => Array.from({ length: columns }, (_, column) => part(column)));
  const ends =
    toTexts === undefined
      ? undefined
      : (await askedConditions({ ...options, texts: toTexts }, run.model, columns)).conditions;
  const towards = {
    shares,
    ...(toLabels !== undefined && {
      labels: toLabels.flatMap((label) => new Array<number>(columns).fill(label)),
    }),
    ...(ends !== undefined && { conditions: ends }),
  };
  const blended = toLabels !== undefined || toTexts !== undefined;
  const xT = rowNoise(run, labels.length, columns, seed, toSeed ?? seed, part);
  return {
    columns,
    columnLabels: Array.from(
      { length: columns },
      (_, column) => `${Math.round(100 * part(column))} %`,
    ),
    options: { ...asked, xT, ...(blended && { towards }) },
  };
}

/** The noise of all images, `[rows · columns, C, h, w]`: on the arc from the noise of one seed to that of another. */
function rowNoise(
  { config }: TrainedRun,
  rows: number,
  columns: number,
  seed: number,
  toSeed: number,
  part: (column: number) => number,
): Float32Array {
  const shape = latentShape(config.model, rows);
  const [from, to] = [normal(key(seed), shape), normal(key(toSeed), shape)];
  const size = latentLength(config.model);
  const all = new Float32Array(rows * columns * size);
  for (let column = 0; column < columns; column++) {
    const noise = (seed === toSeed ? from : slerp(from, to, part(column))).dataSync();
    for (let row = 0; row < rows; row++) {
      const one = noise.subarray(row * size, (row + 1) * size);
      all.set(one, (row * columns + column) * size);
    }
  }
  return all;
}

/**
 * What the mask leaves is kept in pixels at the end. A model that was trained for it is told what is known. Any other
 * model has it put back into its latents while they are drawn, and so has the former if `passes` are asked for.
 */
async function inpainting(options: SampleOptions, run: TrainedRun): Promise<Drawing> {
  const { inpaint, labels, count: columns = GRID_COLUMNS } = options;
  const { image = '', mask: maskFile = '', passes } = inpaint ?? {};
  const known = await readImage(image, run.imageShape);
  const mask = await readMask(maskFile, run.imageShape.size);
  const count = labels.length * columns;
  const asked = await askedConditions(options, run.model, columns);
  const isTold = Object.hasOwn(run.model.conditions, INPAINT);
  const told = { [INPAINT]: repeated(knownPixels(known, mask), count) };
  const region =
    isTold && passes === undefined ? undefined : await regionOf(run, known, mask, count);
  const finish = (images: Float32Array): void => {
    images.forEach((_, i) => {
      if (mask[i % mask.length] === 0) images[i] = known[i % known.length];
    });
  };
  return {
    columns,
    options: {
      ...asked,
      ...(isTold && { conditions: { ...asked.conditions, ...told } }),
      ...(region !== undefined && { region: { ...region, passes: passes ?? 1 } }),
    },
    finish,
  };
}

/** What is known of the latents of `count` images that are one image. */
async function regionOf(
  { config, generator, imageShape }: TrainedRun,
  known: Float32Array,
  mask: Uint8Array,
  count: number,
): Promise<LatentRegion> {
  const { size, channels } = imageShape;
  const [, , side] = latentShape(config.model, 1);
  const latents = await generator.encode(tensor(known, { shape: [1, channels, size, size] }));
  return { latents: repeated(latents, count), mask: latentMask(mask, size, side) };
}

/** The image goes back to noise by what it shows, and from there to what is asked. */
async function editing(options: SampleOptions, run: TrainedRun): Promise<Drawing> {
  const { edit, labels, openLabel, texts, steps } = options;
  const { image = '', label = 0, text, strength = 1 } = edit ?? {};
  const { size, channels } = run.imageShape;
  const given = await readImage(image, run.imageShape);
  const latents = await run.generator.encode(tensor(given, { shape: [1, channels, size, size] }));
  const to = Math.round(strength * steps) - 1;
  const source = {
    ...options,
    labels: labels.map(() => label),
    ...(texts !== undefined && { texts: labels.map(() => text ?? '') }),
  };
  const { conditions } = await askedConditions(source, run.model, 1);
  const { sampler, spacing } = options;
  const xT = await run.generator.invert(run.model, repeated(latents, labels.length), {
    sampler,
    steps,
    ...(spacing !== undefined && { spacing }),
    guidance: 1,
    labels: source.labels,
    ...(openLabel !== undefined && { openLabel }),
    ...(conditions !== undefined && { conditions }),
    to,
    iterations: INVERSION_CALLS,
  });
  const asked = await askedConditions(options, run.model, 1);
  return {
    columns: 1,
    columnLabels: ['given', 'edited'],
    options: { ...asked, xT, from: to },
    given,
  };
}

/** Calls of the model for each step back. */
const INVERSION_CALLS = 3;
