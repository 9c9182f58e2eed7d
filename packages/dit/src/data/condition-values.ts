// The values of a model's conditions for the images of a data set.

import { tensor, ValueError, type Tensor } from '@tessera/tensor';
import {
  INPAINT,
  LABEL,
  type ConditionConfig,
  type MapConditionConfig,
  type TextConditionConfig,
} from '../config/condition.ts';
import { sidesOf } from '../config/ranges.ts';
import type { ModelConfig } from '../config/model-config.ts';
import type { ConditionValues } from '../model/conditions/conditions.ts';
import { encodeTexts, mostTokens } from '../model/conditions/text.ts';
import { LONGEST_CAPTIONS, strokeWords, trainingCaption } from './measures/captions.ts';
import { gatherImages, gatherLabels } from './batches.ts';
import { imagesOf, type AnnotatedImages, type DataHalf, type ImageSet } from './data-set.ts';
import { givenColumn } from './measures/given-columns.ts';
import { luminance } from './luminance.ts';
import { maps } from './measures/maps.ts';
import { knownPixels, trainingMask } from './measures/masks.ts';
import { strokeOf, type Stroke } from './measures/strokes.ts';

/** The values of one condition for all images of a set. */
export interface Column {
  /** Shape of one value. */
  readonly shape: readonly number[];
  /** The values of some images, one behind the other, in an epoch of training. */
  gather(indices: Int32Array, epoch: number | null): Float32Array | Int32Array;
}

/**
 * What all images of a set say of the conditions of a model. Masks for inpainting are others in each epoch, which is 0
 * if none is named. `null` leaves the masks out: all of an image is known.
 */
export interface ConditionTable {
  /** The values of all conditions but the label for some images, one behind the other. */
  arrays(
    indices: Int32Array,
    epoch?: number | null,
  ): Readonly<Record<string, Float32Array | Int32Array>>;
  /** The values for some images: labels alone for a model that knows nothing else. */
  values(indices: Int32Array, epoch?: number | null): Tensor | ConditionValues;
}

/**
 * Measures what a model's conditions need of the images: captions and strokes at once, maps when they are asked
 * for. Latents show nothing to measure, and so need everything with them.
 *
 * @throws ValueError for a condition that cannot be measured, or not in its sizes.
 */
export function conditionTable(model: ModelConfig, set: DataHalf): ConditionTable {
  const { conditions = [], numClasses } = model;
  const columns = conditions.map(
    (each) => [each.name, 'latents' in set ? givenColumn(each, set) : columnOf(each, set)] as const,
  );
  const labels = (indices: Int32Array): Tensor =>
    tensor(gatherLabels(set.labels ?? new Uint8Array(), indices));
  return {
    arrays: (indices, epoch = 0) =>
      Object.fromEntries(columns.map(([name, { gather }]) => [name, gather(indices, epoch)])),
    values(indices, epoch = 0) {
      if (columns.length === 0 && numClasses > 0) return labels(indices);
      const count = indices.length;
      const values = columns.map(([name, { shape, gather }]): [string, Tensor] => [
        name,
        tensor(gather(indices, epoch), { shape: [count, ...shape] }),
      ]);
      // A model without classes has a null label for every image.
      const label = numClasses > 0 ? labels(indices) : tensor(new Int32Array(count));
      return { ...Object.fromEntries(values), [LABEL]: label };
    },
  };
}

function columnOf(condition: ConditionConfig, set: AnnotatedImages): Column {
  const { name } = condition;
  if (condition.kind === 'text') return textColumn(condition, set);
  if (condition.kind === 'scalar' && (name === 'thickness' || name === 'slant')) {
    const strokes = strokesOf(set);
    const gather = (indices: Int32Array): Float32Array =>
      Float32Array.from(indices, (image) => strokes(image)[name]);
    return { shape: [], gather };
  }
  const isMap = condition.kind === 'map' || condition.kind === 'control';
  if (isMap && (name === 'depth' || name === 'sketch' || name === 'lowres')) {
    return mapColumn(name, condition, set);
  }
  if (isMap && name === INPAINT) return knownColumn(condition, set);
  throw new ValueError(
    'train',
    `the condition '${name}' of kind ${condition.kind} cannot be measured from images. Measured are text, thickness, slant, depth, sketch, lowres and inpaint.`,
  );
}

/** The stroke of each image, measured when it is first asked for: a training may see few of them. */
function strokesOf(set: AnnotatedImages): (image: number) => Stroke {
  const known = new Map<number, Stroke>();
  return (image) => {
    const found = known.get(image) ?? strokeOf(pixelsOf(set, image), set.rows, set.columns);
    known.set(image, found);
    return found;
  };
}

/** The caption of an image in training: its own, or one that is measured from a digit. */
export function captionAt(
  set: DataHalf,
  image: number,
  strokes: (image: number) => Stroke = (each) => strokesOf(imagesOf(set))(each),
): string {
  const { captions, labels = new Uint8Array() } = set;
  return captions?.[image] ?? trainingCaption(image, labels[image], strokeWords(strokes(image)));
}

/** The grey pixels of an image. */
function pixelsOf({ images, rows, columns, channels = 1 }: ImageSet, image: number): Uint8Array {
  const length = channels * rows * columns;
  const pixels = images.subarray(image * length, (image + 1) * length);
  return channels === 1 ? pixels : luminance(pixels);
}

function textColumn({ name, length, words }: TextConditionConfig, set: AnnotatedImages): Column {
  const most = mostTokens(set.captions ?? LONGEST_CAPTIONS, words);
  if (length < most) {
    throw new ValueError(
      'train',
      `the condition '${name}' reads at most ${length} ${words === undefined ? 'bytes' : 'tokens'}, but captions have up to ${most}. Set its length to ${most} or more.`,
    );
  }
  const strokes = strokesOf(set);
  const captions = (indices: Int32Array): string[] =>
    Array.from(indices, (image) => captionAt(set, image, strokes));
  return { shape: [length], gather: (indices) => encodeTexts(captions(indices), length, words) };
}

type MapSizes = Pick<MapConditionConfig, 'name' | 'size' | 'channels'>;

/** Throws a ValueError unless the map of a condition has these channels and the size of the images; gives its side. */
function mapSide({ name, size, channels }: MapSizes, set: AnnotatedImages, own: number): number {
  if (channels !== own) {
    throw new ValueError(
      'train',
      `the condition '${name}' has ${channels} channels, but is measured in ${own === 1 ? 'one' : own}. Set its channels to ${own}.`,
    );
  }
  if (set.rows === size && set.columns === size) return size;
  throw new ValueError(
    'train',
    `the images are ${set.rows}×${set.columns}, but the condition '${name}' has maps of ${sidesOf(size).join('×')}. Set its size to that of the images.`,
  );
}

function mapColumn(name: keyof typeof maps, sizes: MapSizes, set: AnnotatedImages): Column {
  const side = mapSide(sizes, set, 1);
  return {
    shape: [1, side, side],
    gather(indices) {
      const all = new Float32Array(indices.length * side ** 2);
      const given = set.maps?.[name];
      indices.forEach((image, i) => {
        const map =
          given === undefined
            ? maps[name](pixelsOf(set, image), side)
            : Float32Array.from(
                given.subarray(image * side ** 2, (image + 1) * side ** 2),
                (byte) => byte / 255,
              );
        all.set(map, i * side ** 2);
      });
      return all;
    },
  };
}

/** The images themselves, with what a mask leaves of them. */
function knownColumn(sizes: MapSizes, set: AnnotatedImages): Column {
  const { channels = 1 } = set;
  const side = mapSide(sizes, set, channels);
  const length = channels * side ** 2;
  const whole = new Uint8Array(side ** 2);
  return {
    shape: [channels, side, side],
    gather(indices, epoch) {
      const all = gatherImages(set, indices);
      indices.forEach((image, i) => {
        const own = all.subarray(i * length, (i + 1) * length);
        const mask = epoch === null ? whole : trainingMask(side, image, epoch);
        own.set(knownPixels(own, mask));
      });
      return all;
    },
  };
}
