// A data set as readers give it: images or latents, with labels, captions and maps, in two halves.

import { ValueError } from '@tessera/tensor';

/** Images of one size, grey or colour. */
export interface ImageSet {
  /** Bytes from 0 to 255: `[count, channels, rows, columns]`, row-major. */
  readonly images: Uint8Array;
  readonly count: number;
  readonly rows: number;
  readonly columns: number;
  /** 1: grey; 3: red, green and blue. Default: 1. */
  readonly channels?: number;
}

/** Numbers of one image: pixels times channels. */
export function pixelCount({ rows, columns, channels = 1 }: Omit<ImageSet, 'images'>): number {
  return channels * rows * columns;
}

/** Class labels, one an image. */
export type Labels = Uint8Array | Int32Array;

/** What is said of each image or latent. */
export interface Annotations {
  readonly labels?: Labels;
  readonly captions?: readonly string[];
  /** Maps over the images by the names of their conditions: bytes `[count, rows, columns]`, 255 for 1. */
  readonly maps?: Readonly<Record<string, Uint8Array>>;
}

/** Images with what is said of them. */
export interface AnnotatedImages extends ImageSet, Annotations {}

/** Latents that another autoencoder has made. */
export interface GivenLatents extends Annotations {
  readonly count: number;
  /** Shape of one latent: `[C, h, w]`. */
  readonly shape: readonly [number, number, number];
  /** `[count, C, h, w]`, row-major. */
  readonly latents: Float32Array;
  /** Sizes of the maps, if there are some: those of the images that the latents stand for, or of the latents. */
  readonly mapSides?: readonly [rows: number, columns: number];
}

/** A file that is left out, and what is wrong with it. */
export interface BadFile {
  readonly path: string;
  readonly problem: string;
}

/** What a reader says of a data set besides its images. */
export interface DataFacts {
  /** The kind of files, such as `folder of images`. */
  readonly format: string;
  /** The values in the files, such as `0 to 255`, which become bytes from 0 to 255. */
  readonly range: string;
  /** Names of the classes, if the data have some. */
  readonly classNames?: readonly string[];
  /** What was decided for the user, one sentence each. */
  readonly notes: readonly string[];
  readonly bad: readonly BadFile[];
}

/** Images in two halves. Without a half of its own for tests, a small set is tested on what it trains on. */
export interface ImageData extends DataFacts {
  readonly kind: 'images';
  readonly train: AnnotatedImages;
  readonly test: AnnotatedImages;
}

/** Latents in two halves. */
export interface LatentData extends DataFacts {
  readonly kind: 'latents';
  readonly train: GivenLatents;
  readonly test: GivenLatents;
}

/** A whole data set. */
export type DataSet = ImageData | LatentData;

/** One half of a data set. */
export type DataHalf = AnnotatedImages | GivenLatents;

/** Throws a ValueError unless a set holds images. */
export function imagesOf<T extends ImageSet>(set: T | GivenLatents): T {
  if (!('latents' in set)) return set;
  throw new ValueError('train', 'the data have latents, expected images.');
}

/** The largest label; −1 without labels. */
export function lastLabel(labels: Labels = new Uint8Array()): number {
  let last = -1;
  for (const label of labels) last = Math.max(last, label);
  return last;
}

/** Number of classes: as many as have names, or one more than the largest label; 0 without labels. */
export function classCount({ train, test, classNames }: DataSet): number {
  if (train.labels === undefined) return 0;
  return classNames?.length ?? 1 + Math.max(lastLabel(train.labels), lastLabel(test.labels));
}
