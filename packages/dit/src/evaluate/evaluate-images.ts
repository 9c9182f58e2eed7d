// Scores images from anywhere on a ruler, as the samples of a run are scored.

import { key, ShapeError, ValueError } from '@tessera/tensor';
import { checkArray, checkFields } from '../config/argument-check.ts';
import { scalePixels } from '../data/batches.ts';
import type { AnnotatedImages, ImageData } from '../data/data-set.ts';
import { pixelCount } from '../data/data-set.ts';
import { fitImages, fitNote } from '../data/fit-images.ts';
import { checkReal, readReference, type Marks, type RealImages } from './reference.ts';
import type { Ruler } from './ruler.ts';
import { scoreSamples, type Scores } from './scores.ts';

/** What a ruler says of some images. */
export interface ImageEvaluation {
  /** What real images and noise score. */
  readonly marks: Marks;
  readonly samples: number;
  readonly scores: Scores;
}

/** Images as a ruler reads them. */
export interface ReadableImages {
  /** `[count, channels, side, side]`, about in [-1, 1]. */
  readonly images: Float32Array;
  /** The class that each image should be read as; absent where nothing says it. */
  readonly classes?: Int32Array;
}

/**
 * Scores images, such as the samples of another program, beside real ones.
 *
 * @param real images of the data that the ruler was trained on
 * @throws ShapeError if they are not whole images of the ruler's size
 * @example
 * // not run: takes seconds
 * const mnist = await loadMnist();
 * const [train, test] = [mnist.train, mnist.test].map((set) => ({ ...padImages(set, 32), labels: set.labels }));
 * const images = scalePixels(train.images.subarray(0, 2000 * 1024));
 * const { scores } = await evaluateImages({ images }, await readRuler(), { train, test });
 * scores.fcd; // 0.9: digits beside other digits
 */
export async function evaluateImages(
  readable: ReadableImages,
  ruler: Ruler,
  real: RealImages,
): Promise<ImageEvaluation> {
  const op = 'evaluateImages';
  checkFields(op, 'readable', readable, ['images'], 'Give { images, classes }.');
  const { images, classes } = readable;
  checkArray(op, 'images', images, 'Float32Array');
  checkFields(op, 'ruler', ruler, ['lenet', 'card'], 'readRuler gives one.');
  const { side, channels } = ruler.card;
  const samples = images.length / (channels * side ** 2);
  if (!Number.isInteger(samples)) {
    throw new ShapeError(
      op,
      `${images.length} numbers are not whole images [${channels}, ${side}, ${side}].`,
      [[images.length], [channels, side, side]],
    );
  }
  checkReal(op, ruler, real, samples);
  if (classes !== undefined) checkArray(op, 'classes', classes, 'Int32Array');
  if (classes !== undefined && classes.length !== samples) {
    throw new ValueError(op, `there are ${classes.length} classes for ${samples} images.`);
  }
  const reference = await readReference(ruler, real, samples, key(0));
  const scores = await scoreSamples(ruler, reference, images, classes);
  return { marks: reference.marks, samples, scores };
}

/** Images for a ruler, and what was done to them in one sentence each. */
export interface FittedImages extends ReadableImages {
  readonly notes: readonly string[];
}

/**
 * All images of a data set, both halves, in the square of a ruler.
 *
 * @param path the data in errors
 * @param unit borders of fewer pixels than this are padded, larger ones resized
 * @param real the data that the ruler was trained on, whose classes are meant
 * @throws ValueError if they are latents, or have a class that the real data do not have
 */
export function imagesForRuler(
  path: string,
  set: ImageData,
  { side, classes: known }: Ruler['card'],
  unit: number,
  real: Pick<ImageData, 'classNames'>,
): FittedImages {
  const halves = set.test === set.train ? [set.train] : [set.train, set.test];
  const fitted = halves.map((half) => fitImages(half, side, unit));
  const count = fitted.reduce((sum, half) => sum + half.count, 0);
  const length = pixelCount(fitted[0]);
  const images = new Float32Array(count * length);
  let at = 0;
  for (const half of fitted) {
    images.set(scalePixels(half.images), at);
    at += half.count * length;
  }
  const note = fitNote(set.train, side, unit);
  const names = real.classNames ?? Array.from({ length: known }, (_, label) => String(label));
  const classes = fitted.flatMap((half) => classesOf(path, half, set.classNames, names) ?? []);
  return {
    images,
    ...(classes.length === count && { classes: Int32Array.from(classes) }),
    notes: [...set.notes, ...(note === undefined ? [] : [note])],
  };
}

/** The classes of the ruler that images of these labels show: those of the same name, or of the same number. */
function classesOf(
  path: string,
  { labels }: AnnotatedImages,
  own: readonly string[] | undefined,
  names: readonly string[],
): readonly number[] | undefined {
  if (labels === undefined) return undefined;
  return Array.from(labels, (label) => {
    const name = own?.[label] ?? String(label);
    const named = names.indexOf(name);
    if (named !== -1) return named;
    const number = Number(name);
    if (Number.isInteger(number) && number >= 0 && number < names.length) return number;
    throw new ValueError(
      'evaluate',
      `${path}: there is no class '${name}'. The ruler reads ${names.slice(0, 20).join(', ')}.`,
    );
  });
}
