// The data of a run: read, checked, and fitted into the square that its codec takes.

import { ValueError } from '@tessera/tensor';
import type { AutoencoderConfig } from '../config/autoencoder-config.ts';
import { codecName, imageShapeOfRun, rulesOf } from '../config/codec/codec-rules.ts';
import type { TrainConfig } from '../config/config.ts';
import { sidesOf } from '../config/ranges.ts';
import type { AnnotatedImages, DataSet, GivenLatents, ImageData } from '../data/data-set.ts';
import { fitImages, fitNote } from '../data/fit-images.ts';
import { readData } from '../data/read-data.ts';

/** The side of images is a multiple of this: the pixels of a patch of what the model sees, each way. */
export function imageUnit(config: TrainConfig): number {
  return rulesOf(config).downscaling(config) * config.model.patchSize;
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

/** Reads the data that a configuration names, as {@link readDataAs}, with the images of its codec. */
export function readConfigData(config: TrainConfig, skipBad: boolean): Promise<DataSet> {
  const { imageSize: size, imageChannels: channels } = config.autoencoder ?? pixelSizes(config);
  return readDataAs(config, { size, channels }, skipBad);
}

/** The sizes that images are read in for a run on pixels. Colour is an error for a grey run, and is not left out. */
function pixelSizes(config: TrainConfig): Pick<AutoencoderConfig, 'imageSize' | 'imageChannels'> {
  if (codecName(config) !== 'pixels') return {};
  const { size, channels } = imageShapeOfRun('train', config);
  return { imageSize: size, ...(channels === 3 && { imageChannels: channels }) };
}

/** The error of data that have latents in place of images. */
export function noImages({ data }: Pick<TrainConfig, 'data'>): ValueError {
  return new ValueError('train', `the data ${data} have latents, expected images.`);
}

/** The error of data that have images in place of latents. */
export function noLatents({ data }: Pick<TrainConfig, 'data'>): ValueError {
  return new ValueError(
    'train',
    `the data ${data} have images, but this configuration is one for latents. Name data with an array latents, or start from a --preset.`,
  );
}

/** Throws a ValueError unless the images have the channels that the autoencoder takes. */
function checkChannels(config: TrainConfig, { channels = 1 }: AnnotatedImages): void {
  const expected = imageShapeOfRun('train', config).channels;
  if (channels === expected) return;
  const kind = (n: number): string => (n === 1 ? 'grey' : 'in colour');
  const field = config.autoencoder === undefined ? 'model.inChannels' : 'autoencoder.imageChannels';
  throw new ValueError(
    'train',
    `the images of ${config.data} are ${kind(channels)}, but ${field} is ${expected}. Set it to ${channels}.`,
  );
}

/** Throws a ValueError unless the latents have the sizes of the model. */
function checkLatentShape({ model, data }: TrainConfig, { shape }: GivenLatents): void {
  const expected = [model.inChannels, ...sidesOf(model.inputSize)];
  if (shape.join() === expected.join()) return;
  throw new ValueError(
    'train',
    `the latents of ${data} are [${shape.join(', ')}], but the model takes [${expected.join(', ')}]. Set model.inChannels and model.inputSize to theirs.`,
  );
}

/** The data as the codec takes them: images in the square of the configuration, or latents of the model's sizes. */
export function codecData(config: TrainConfig, data: DataSet): DataSet {
  if (data.kind === 'images') return fittedData(config, data);
  checkLatentShape(config, data.train);
  return data;
}

/**
 * The images in the square of the configuration, with notes on what was done to them.
 *
 * @throws ValueError if they are in colour and the run is grey, or the other way round
 */
export function fittedData(config: TrainConfig, data: ImageData): ImageData {
  checkChannels(config, data.train);
  const { size } = imageShapeOfRun('train', config);
  const unit = imageUnit(config);
  const train = fitImages(data.train, size, unit);
  const test = data.test === data.train ? train : fitImages(data.test, size, unit);
  const note = fitNote(data.train, size, unit);
  return { ...data, train, test, notes: [...data.notes, ...(note === undefined ? [] : [note])] };
}
