// The images of a run: read, checked and fitted into the square that its autoencoder takes.

import { ValueError } from '@tessera/tensor';
import { downscaling, imageShapeOf } from '../config/autoencoder-config.ts';
import type { TrainConfig } from '../config/config.ts';
import type { AnnotatedImages, DataSet, ImageData } from '../data/data-set.ts';
import { fitImages, fitNote } from '../data/fit-images.ts';
import { readData } from '../data/read-data.ts';

/** The side of images is a multiple of this: the pixels of a patch of the latent, each way. */
export function imageUnit({ autoencoder, model }: TrainConfig): number {
  return downscaling(autoencoder) * model.patchSize;
}

/** What images are made to be while they are read: of one size, and all grey or all in colour. */
export interface ImageForm {
  readonly size?: number | undefined;
  readonly channels?: 1 | 3 | undefined;
}

/**
 * Reads the data that a configuration names.
 *
 * @throws ValueError or FormatError if they are not there, or bad
 */
export function readDataAs(
  config: TrainConfig,
  { size, channels }: ImageForm,
  skipBad: boolean,
): Promise<DataSet> {
  return readData(config.data, {
    unit: imageUnit(config),
    skipBad,
    ...(size !== undefined && { size }),
    ...(channels !== undefined && { channels }),
  });
}

/** Reads the data that a configuration names, as {@link readDataAs}, with the images of its autoencoder. */
export function readConfigData(config: TrainConfig, skipBad: boolean): Promise<DataSet> {
  const { imageSize: size, imageChannels: channels } = config.autoencoder;
  return readDataAs(config, { size, channels }, skipBad);
}

/** The error of data that have latents in place of images. */
export function noImages({ data }: Pick<TrainConfig, 'data'>): ValueError {
  return new ValueError('train', `the data ${data} have latents, expected images.`);
}

/** Throws a ValueError unless the images have the channels that the autoencoder takes. */
function checkChannels(config: TrainConfig, { channels = 1 }: AnnotatedImages): void {
  const expected = imageShapeOf(config.autoencoder).channels;
  if (channels === expected) return;
  const kind = (n: number): string => (n === 1 ? 'grey' : 'in colour');
  throw new ValueError(
    'train',
    `the images of ${config.data} are ${kind(channels)}, but autoencoder.imageChannels is ${expected}. Set it to ${channels}.`,
  );
}

/**
 * The images in the square of the configuration, with notes on what was done to them.
 *
 * @throws ValueError if they are in colour and the autoencoder is grey, or the other way round
 */
export function fittedData(config: TrainConfig, data: ImageData): ImageData {
  checkChannels(config, data.train);
  const { size } = imageShapeOf(config.autoencoder);
  const unit = imageUnit(config);
  const train = fitImages(data.train, size, unit);
  const test = data.test === data.train ? train : fitImages(data.test, size, unit);
  const note = fitNote(data.train, size, unit);
  return { ...data, train, test, notes: [...data.notes, ...(note === undefined ? [] : [note])] };
}
