// The bytes of the files that samples and films are written to.

import type { ImageShape } from '../../config/autoencoder-config.ts';
import { codecName } from '../../config/codec/codec-rules.ts';
import { formatByName, type SampleFormat } from './formats.ts';
import { samplingOf, trainedGuidance } from '../../config/diffusion-config.ts';
import { encodeAnimation, type Frame } from '../../pictures/animation.ts';
import { drawImageGrid, layOutImages } from '../../pictures/image-grid.ts';
import { latentLength, latentShape } from '../../model/dit.ts';
import type { Drawing } from '../drawing.ts';
import type { SampleOptions } from '../options.ts';
import { drawSampleGrid, GRID_COLUMNS, gridIndices } from '../sample-grid.ts';
import type { TrainedRun } from '../trained-run.ts';
import {
  imagesToNpy,
  inColour,
  labelsToNpy,
  latentsToNpy,
  latentsToNpz,
  npzOf,
} from './array-file.ts';
import type { FilmFrame } from './film.ts';
import { shown } from './shown.ts';

/** Output pixels for one pixel of an image in animations, which have no labels. */
const SCALE = 4;

function formatOf({ format, out }: SampleOptions): SampleFormat {
  return format ?? formatByName(out) ?? 'png';
}

/** Latents as an array; in an archive under the name by which `--data` finds them, if they are those of the data. */
export async function latentsFile(
  latents: Float32Array,
  options: SampleOptions,
  { config }: TrainedRun,
): Promise<Uint8Array> {
  const [, ...shape] = latentShape(config.model, 1);
  const count = latents.length / latentLength(config.model);
  const npy = await latentsToNpy(latents, [count, ...shape]);
  if (formatOf(options) !== 'npz') return npy;
  return codecName(config) === 'latents' ? latentsToNpz(npy) : npzOf(npy);
}

/** Samples as a labelled picture, an array, or an animation that shows column after column. */
export function samplesFile(
  samples: Float32Array,
  options: SampleOptions,
  drawing: Drawing,
  names: readonly string[],
  run: TrainedRun,
): Promise<Uint8Array> {
  const format = formatOf(options);
  const isArray = format === 'npy' || format === 'npz';
  return isArray && codecName(run.config) === 'latents'
    ? latentsFile(samples, options, run)
    : imagesFile(shown(run.config, samples), format, options, drawing, names, run);
}

async function imagesFile(
  images: Float32Array,
  format: SampleFormat,
  options: SampleOptions,
  { columns, columnLabels, given, finish }: Drawing,
  names: readonly string[],
  run: TrainedRun,
): Promise<Uint8Array> {
  finish?.(images);
  const shape = run.imageShape;
  if (format === 'npy') return imagesToNpy(images, shape);
  if (format === 'npz' || format === 'adm') {
    const form = format === 'adm' ? inColour(images, shape) : ([images, shape] as const);
    const isLabelled = run.config.model.numClasses > 0;
    const labels = isLabelled ? [await labelsToNpy(gridIndices(options.labels, columns))] : [];
    return npzOf(await imagesToNpy(...form), ...labels);
  }
  const length = shape.channels * shape.size ** 2;
  const all = given === undefined ? images : withGiven(images, given, columns * length);
  const wide = columns + (given === undefined ? 0 : 1);
  if (format !== 'png') {
    const frames = Array.from({ length: wide }, (_, column) => {
      const some = names.map((_name, row) => all.subarray(...rangeOf(row * wide + column, length)));
      return frameOf(some, shape, [-1, 1]);
    });
    return encodeAnimation(format, frames);
  }
  const drawn = {
    ...samplingOf(options),
    design: run.config.model.design,
    trainedGuidance: trainedGuidance(run.config.diffusion),
    ...(options.scales !== undefined && { scales: options.scales }),
  };
  return drawSampleGrid(all, shape, names, drawn, wide, columnLabels);
}

/** Each row of images with the given one before it. */
function withGiven(images: Float32Array, given: Float32Array, length: number): Float32Array {
  const rows = images.length / length;
  const all = new Float32Array(rows * (given.length + length));
  for (let row = 0; row < rows; row++) {
    const at = row * (given.length + length);
    all.set(given, at);
    all.set(images.subarray(row * length, (row + 1) * length), at + given.length);
  }
  return all;
}

function rangeOf(image: number, length: number): [number, number] {
  return [image * length, (image + 1) * length];
}

/** Images side by side as one frame. */
function frameOf(
  images: readonly Float32Array[],
  { size, channels }: ImageShape,
  range: readonly [number, number],
): Frame {
  const all = new Float32Array(images.length * images[0].length);
  images.forEach((image, i) => {
    all.set(image, i * image.length);
  });
  const columns = Math.min(GRID_COLUMNS, images.length);
  const grid = { images: all, channels, height: size, width: size, columns, range };
  return { ...layOutImages(grid, images.length, SCALE), channels };
}

/** A film as a strip, one row for each image, or as an animation. */
export async function filmFile(
  frames: readonly FilmFrame[],
  { file, shows }: NonNullable<SampleOptions['film']>,
  names: readonly string[],
  shape: ImageShape,
): Promise<Uint8Array> {
  const { size, channels } = shape;
  const format = formatByName(file);
  const length = channels * size ** 2;
  const rows = frames[0].pixels.length / length;
  const imageOf = ({ pixels }: FilmFrame, row: number): Float32Array =>
    Float32Array.from(pixels.subarray(...rangeOf(row, length)));
  if (format === 'gif' || format === 'apng') {
    const encoded = frames.map((frame) => {
      const images = Array.from({ length: rows }, (_, row) => imageOf(frame, row));
      return frameOf(images, shape, [0, 255]);
    });
    return encodeAnimation(format, encoded);
  }
  const images = new Float32Array(rows * frames.length * length);
  for (let row = 0; row < rows; row++) {
    frames.forEach((frame, column) => {
      images.set(imageOf(frame, row), (row * frames.length + column) * length);
    });
  }
  const both = shows === 'both';
  const rowLabels = Array.from({ length: rows }, (_, row) => {
    const name = names[both ? Math.floor(row / 2) : row];
    return both ? `${name} ${row % 2 === 0 ? 'x0' : 'xt'}` : name;
  });
  return drawImageGrid({
    images,
    channels,
    height: size,
    width: size,
    columns: frames.length,
    range: [0, 255],
    rowLabels,
    columnLabels: frames.map(({ step }) => String(step)),
  });
}
