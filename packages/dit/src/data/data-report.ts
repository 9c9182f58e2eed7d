// What a data set holds, as a record and as lines.

import { classCount, type DataHalf, type DataSet } from './data-set.ts';
import { fitNote, squareSize } from './fit-images.ts';

/** What was found in a data set. */
export interface DataReport {
  readonly data: string;
  readonly format: string;
  readonly kind: DataSet['kind'];
  /** Number of images or latents in each half. */
  readonly train: number;
  readonly test: number;
  /** Whether both halves are the same images. */
  readonly testIsTrain: boolean;
  /** Sizes of one image `[channels, rows, columns]`, or of one latent `[C, h, w]`. */
  readonly shape: readonly number[];
  /** The values in the files. */
  readonly range: string;
  /** The classes with the number of their training images. */
  readonly classes: readonly { readonly name: string; readonly count: number }[];
  /** Number of training captions, and letters of the longest. */
  readonly captions: { readonly count: number; readonly longest: number } | null;
  /** Names of the maps that the data bring along. */
  readonly maps: readonly string[];
  /** Side of the square that a training makes of the images, and how; `null` for latents, which stay as they are. */
  readonly square: { readonly size: number; readonly how: string } | null;
  readonly notes: readonly string[];
  readonly bad: DataSet['bad'];
}

function classesOf(data: DataSet): DataReport['classes'] {
  const counts = new Array<number>(classCount(data)).fill(0);
  for (const label of data.train.labels ?? []) counts[label]++;
  return counts.map((count, label) => ({ name: data.classNames?.[label] ?? String(label), count }));
}

function captionsOf({ captions }: DataHalf): DataReport['captions'] {
  if (captions === undefined) return null;
  const longest = captions.reduce((most, caption) => Math.max(most, caption.length), 0);
  return { count: captions.length, longest };
}

/**
 * Says what was found.
 *
 * @param path the data as they were named
 * @param unit what the side of images must be a multiple of
 */
export function dataReport(path: string, data: DataSet, unit: number): DataReport {
  const { format, kind, train, test, range, notes, bad } = data;
  const square = (): DataReport['square'] => {
    if (data.kind === 'latents') return null;
    const size = squareSize(data.train, unit);
    return { size, how: fitNote(data.train, size, unit) ?? 'Images stay as they are.' };
  };
  return {
    data: path,
    format,
    kind,
    train: train.count,
    test: test.count,
    testIsTrain: data.test === data.train,
    shape:
      data.kind === 'latents'
        ? data.train.shape
        : [data.train.channels ?? 1, data.train.rows, data.train.columns],
    range,
    classes: classesOf(data),
    captions: captionsOf(train),
    maps: Object.keys(train.maps ?? {}),
    square: square(),
    notes,
    bad,
  };
}

/** A report in lines for people. */
export function reportLines(report: DataReport): readonly string[] {
  const { kind, shape, classes, captions, maps, square, train, test, testIsTrain } = report;
  const [channels, rows, columns] = shape;
  const what = kind === 'latents' ? '' : channels === 1 ? ', grey' : ', colour';
  const size = kind === 'latents' ? shape.join('×') : `${rows}×${columns}`;
  const counted = classes.map(({ name, count }) => `${name} (${count})`).join(', ');
  return [
    `data      ${report.data}`,
    `format    ${report.format}`,
    `${kind.padEnd(9)} ${size}${what}, values from ${report.range}`,
    `train     ${train}`,
    `test      ${testIsTrain ? `the same ${test}` : test}`,
    `classes   ${classes.length === 0 ? 'none' : `${classes.length}: ${counted}`}`,
    `captions  ${captions === null ? 'none' : `${captions.count}, of up to ${captions.longest} letters`}`,
    `maps      ${maps.length === 0 ? 'none' : maps.join(', ')}`,
    `training  ${square?.how ?? 'Latents stay as they are: the model sees them without an autoencoder.'}`,
    ...report.notes.map((note) => `note      ${note}`),
    ...report.bad.map(({ path, problem }) => `bad       ${path}: ${problem}`),
  ];
}
