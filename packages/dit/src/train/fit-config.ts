// A configuration for the images of a data set: their size and channels, classes, captions and maps.

import { ValueError } from '@tessera/tensor';
import { downscaling, IMAGE_SIZE, type AutoencoderConfig } from '../config/autoencoder-config.ts';
import { INPAINT, type ConditionConfig, type TextConditionConfig } from '../config/condition.ts';
import { parseTrainConfig, type TrainConfig } from '../config/config.ts';
import { classCount, type DataSet } from '../data/data-set.ts';
import { squareSize } from '../data/fit-images.ts';
import { mostTokens } from '../model/conditions/text.ts';
import { imageUnit, noImages, readConfigData, readDataAs } from './run-data.ts';

/** What the user asks of the images. */
export interface ImageWishes {
  /** Side of the square. Default: that of the images, up to what the autoencoder needs. */
  readonly size?: number;
  /** Whether labels were asked for by name. Otherwise a set without labels gives a model without classes. */
  readonly needsLabels: boolean;
}

/** Throws a ValueError unless the size is one that autoencoder and patches divide. */
function checkSize(size: number, unit: number): void {
  if (size % unit === 0) return;
  const next = Math.ceil(size / unit) * unit;
  throw new ValueError(
    'train',
    `--image-size ${size}: expected a multiple of ${unit}, which autoencoder and patches need. Use ${next}.`,
  );
}

/**
 * An autoencoder for images of this size and these channels. What is as usual stays unsaid. The KL term of a whole
 * latent stands beside the error of a mean pixel. So its weight falls as the pixels become more; otherwise the same
 * detail would weigh less in a larger image, and a colour less than a stroke.
 */
function autoencoderFor(
  { imageSize = IMAGE_SIZE, imageChannels = 1, klWeight, ...rest }: AutoencoderConfig,
  size: number,
  channels: number,
): AutoencoderConfig {
  return {
    ...(size !== IMAGE_SIZE && { imageSize: size }),
    ...(channels === 3 && { imageChannels: channels }),
    ...rest,
    klWeight: klWeight * ((imageChannels * imageSize ** 2) / (channels * size ** 2)),
  };
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

/** Words and length of a text encoder for captions. */
function encoderFor(captions: readonly string[]): Pick<TextConditionConfig, 'words' | 'length'> {
  const words = wordsOf(captions);
  return { words, length: Math.max(1, mostTokens(captions, words)) };
}

/** A condition for images of this size and these channels, and for these captions. */
function conditionFor(
  condition: ConditionConfig,
  size: number,
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

/**
 * The configuration with what the data decide: size and channels of the images, number and names of the classes, the
 * length of captions and the size of maps.
 *
 * @throws ValueError if the size that is asked for does not fit, or the data have no labels and they are needed
 */
export function fitConfig(config: TrainConfig, data: DataSet, wishes: ImageWishes): TrainConfig {
  if (data.kind === 'latents') throw noImages(config);
  const { model, sampling, classNames: _, ...rest } = config;
  const unit = imageUnit(config);
  const size = wishes.size ?? squareSize(data.train, unit);
  checkSize(size, unit);
  const found = classCount(data);
  if (found === 0 && model.numClasses > 0 && wishes.needsLabels) {
    throw new ValueError(
      'train',
      `the images of ${config.data} have no labels. Put them into folders of classes, or leave label out of --condition.`,
    );
  }
  const { captions: told } = data.train;
  // Both halves may be the same images.
  const captions = told?.concat(data.test === data.train ? [] : (data.test.captions ?? []));
  const numClasses = model.numClasses === 0 ? 0 : found;
  const names = numClasses > 0 ? data.classNames : undefined;
  const { channels = 1 } = data.train;
  const conditions = model.conditions?.map((each) => conditionFor(each, size, channels, captions));
  const isTold = numClasses > 0 || (conditions ?? []).length > 0;
  return {
    ...rest,
    autoencoder: autoencoderFor(config.autoencoder, size, channels),
    model: {
      ...model,
      inputSize: size / downscaling(config.autoencoder),
      numClasses,
      ...(conditions !== undefined && { conditions }),
    },
    // What is told nothing has nothing to be guided by.
    sampling: isTold ? sampling : { ...sampling, guidance: 1 },
    ...(names !== undefined && { classNames: names }),
  };
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
 * another size is asked for.
 */
export async function readFittedRun(config: TrainConfig, wishes: DataWishes): Promise<FittedRun> {
  const { imageSize: size, imageChannels: channels, skipBad = false, needsLabels, fits } = wishes;
  if (!fits && size === undefined && channels === undefined) {
    return { config, data: await readConfigData(config, skipBad) };
  }
  const data = await readDataAs(config, { size, channels }, skipBad);
  const fitted = fitConfig(config, data, { needsLabels, ...(size !== undefined && { size }) });
  return { config: parseTrainConfig(fitted, config.data), data };
}
