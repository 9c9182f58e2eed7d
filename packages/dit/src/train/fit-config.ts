// A configuration for a data set: its sizes and channels, classes, captions and maps.

import { ValueError } from '@tessera/tensor';
import { codecName, rulesOf, type DataShape } from '../config/codec/codec-rules.ts';
import { INPAINT, type ConditionConfig, type TextConditionConfig } from '../config/condition.ts';
import { parseTrainConfig, type TrainConfig } from '../config/config.ts';
import type { Sides } from '../config/ranges.ts';
import { classCount, type DataSet } from '../data/data-set.ts';
import { squareSize } from '../data/fit-images.ts';
import { checkGiven } from '../data/measures/given-columns.ts';
import { mostTokens } from '../model/conditions/text.ts';
import { readRunConfig } from '../run/run-folder.ts';
import { addedConditions } from './from-run/extension.ts';
import { imageUnit, noImages, noLatents, readConfigData, readDataAs } from './run-data.ts';

/** What the user asks of the images. */
export interface ImageWishes {
  /** Side of the square. Default: that of the images, up to what the autoencoder needs. */
  readonly size?: number;
  /** Whether labels were asked for by name. Otherwise a set without labels gives a model without classes. */
  readonly needsLabels: boolean;
}

/** Throws a ValueError unless the size is one that autoencoder and patches divide. */
function checkSize(size: number, config: TrainConfig): void {
  const unit = imageUnit(config);
  if (size % unit === 0) return;
  const next = Math.ceil(size / unit) * unit;
  const who = config.autoencoder === undefined ? 'patches need' : 'autoencoder and patches need';
  throw new ValueError(
    'train',
    `--image-size ${size}: expected a multiple of ${unit}, which ${who}. Use ${next}.`,
  );
}

/**
 * The configuration for the kind of data that was found: latents need no autoencoder.
 *
 * @throws ValueError if it is one for pixels and the data are latents, or the other way round
 */
function withCodec(config: TrainConfig, { kind }: DataSet): TrainConfig {
  const codec = codecName(config);
  if (kind === 'images') {
    if (codec === 'latents') throw noLatents(config);
    return config;
  }
  if (codec === 'pixels') throw noImages(config);
  const { autoencoder: _, ...rest } = config;
  return { ...rest, codec: 'latents' };
}

/** The sizes of latents, or of images in the square that they are fitted into. */
function shapeOf(config: TrainConfig, data: DataSet, wished: number | undefined): DataShape {
  if (data.kind === 'latents') {
    if (wished === undefined) return data.train.shape;
    throw new ValueError(
      'train',
      `--image-size ${wished}: the data ${config.data} have latents, which are not resized. Leave it out.`,
    );
  }
  const size = wished ?? squareSize(data.train, imageUnit(config));
  checkSize(size, config);
  return [data.train.channels ?? 1, size, size];
}

/** A word that can be one token. */
const WORD = /[\p{L}\p{N}]+/gu;
const LONGEST_WORD = 40;
const MOST_WORDS = 10_000;

/** The most frequent words of captions, which become one token each. */
function wordsOf(captions: readonly string[]): readonly string[] {
  const counts = new Map<string, number>();
  for (const caption of captions) {
    for (const word of caption.match(WORD) ?? []) {
      if (word.length <= LONGEST_WORD) counts.set(word, (counts.get(word) ?? 0) + 1);
    }
  }
  const byCount = [...counts].sort(([, a], [, b]) => b - a);
  return byCount.slice(0, MOST_WORDS).map(([word]) => word);
}

/** The captions that data bring along; `undefined` if they have none. */
function captionsOf({ train, test }: DataSet): readonly string[] | undefined {
  // Both halves may be the same images.
  return train.captions?.concat(test === train ? [] : (test.captions ?? []));
}

/** Words and length of a text encoder for captions. */
function encoderFor(captions: readonly string[]): Pick<TextConditionConfig, 'words' | 'length'> {
  const words = wordsOf(captions);
  return { words, length: Math.max(1, mostTokens(captions, words)) };
}

/** A condition for maps of this size, for images of these channels, and for these captions. */
function conditionFor(
  condition: ConditionConfig,
  size: Sides,
  imageChannels: number,
  captions: readonly string[] | undefined,
): ConditionConfig {
  if (condition.kind === 'map') {
    const channels = condition.name === INPAINT ? imageChannels : condition.channels;
    return { ...condition, size, channels };
  }
  return condition.kind === 'text' && captions !== undefined
    ? { ...condition, ...encoderFor(captions) }
    : condition;
}

/** The size of the maps over images of this shape; those of latents bring their own. */
function mapSizeOf({ train }: DataSet, [, rows]: DataShape): Sides {
  return 'latents' in train ? (train.mapSides ?? rows) : rows;
}

/**
 * The configuration with what the data decide: the codec, if they are latents; size and channels of images or latents,
 * number and names of the classes, the length of captions and the size of maps.
 *
 * @throws ValueError if the size that is asked for does not fit, the data are not of the kind that the configuration
 *   is for, or they lack what a condition needs
 */
export function fitConfig(start: TrainConfig, data: DataSet, wishes: ImageWishes): TrainConfig {
  const config = withCodec(start, data);
  const shape = shapeOf(config, data, wishes.size);
  const { sampling, classNames: _, ...rest } = config;
  const { autoencoder, model } = rulesOf(config).fitted(config, shape);
  const found = classCount(data);
  if (found === 0 && model.numClasses > 0 && wishes.needsLabels) {
    throw new ValueError(
      'train',
      `the ${data.kind} of ${config.data} have no labels. ${data.kind === 'images' ? 'Put them into folders of classes' : 'Add an array labels'}, or leave label out of --condition.`,
    );
  }
  const captions = captionsOf(data);
  const numClasses = model.numClasses === 0 ? 0 : found;
  const names = numClasses > 0 ? data.classNames : undefined;
  const mapSize = mapSizeOf(data, shape);
  const conditions = model.conditions?.map((each) =>
    conditionFor(each, mapSize, shape[0], captions),
  );
  if (data.kind === 'latents') checkGiven(conditions ?? [], data.train);
  const isTold = numClasses > 0 || (conditions ?? []).length > 0;
  return {
    ...rest,
    ...(autoencoder !== undefined && { autoencoder }),
    model: {
      ...model,
      numClasses,
      ...(conditions !== undefined && { conditions }),
    },
    // What is told nothing has nothing to be guided by.
    sampling: isTold ? sampling : { ...sampling, guidance: 1 },
    ...(names !== undefined && { classNames: names }),
  };
}

/**
 * The configuration with the words of the data in a text that it adds to the model of another run. Words that this
 * model has learned stay.
 */
export async function withOwnWords(config: TrainConfig, data: DataSet): Promise<TrainConfig> {
  const { from, model, diffusion } = config;
  const captions = captionsOf(data);
  if (from === undefined || captions === undefined || diffusion.objective === 'mean-flow') {
    return config;
  }
  const added = addedConditions(model, (await readRunConfig(from)).model);
  const conditions = model.conditions?.map((each) =>
    each.kind === 'text' && added.includes(each) ? { ...each, ...encoderFor(captions) } : each,
  );
  return { ...config, model: { ...model, ...(conditions !== undefined && { conditions }) } };
}

/** What the command line says of the data. */
export interface DataWishes {
  readonly imageSize?: number;
  readonly imageChannels?: 1 | 3;
  readonly skipBad?: boolean;
  /** Whether the label was asked for by name. */
  readonly needsLabels: boolean;
  /** Whether sizes and classes are those of the data, in place of those that the configuration has. */
  readonly fits: boolean;
}

/** A configuration and its data. */
export interface FittedRun {
  readonly config: TrainConfig;
  readonly data: DataSet;
}

/**
 * Reads the data of a run, and fits its configuration to them. One that has its sizes already stays as it is, unless
 * another size is asked for or it adds a text to the model of another run.
 */
export async function readFittedRun(config: TrainConfig, wishes: DataWishes): Promise<FittedRun> {
  const { imageSize: size, imageChannels: channels, skipBad = false, needsLabels, fits } = wishes;
  if (!fits && size === undefined && channels === undefined) {
    const data = await readConfigData(config, skipBad);
    return { config: await withOwnWords(config, data), data };
  }
  const data = await readDataAs(config, { size, channels }, skipBad);
  if (data.kind === 'latents' && channels !== undefined) {
    throw new ValueError(
      'train',
      `--image-channels ${channels}: the data ${config.data} have latents, which are no images. Leave it out.`,
    );
  }
  const fitted = fitConfig(config, data, { needsLabels, ...(size !== undefined && { size }) });
  return { config: parseTrainConfig(fitted, config.data), data };
}
