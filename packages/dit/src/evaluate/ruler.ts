// A ruler: a trained LeNet that reads images, and the file that holds it.

import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import {
  argmax,
  compile,
  decodeSafetensors,
  FormatError,
  ShapeError,
  key,
  tensor,
  type SafetensorsEntry,
  type Tensor,
} from '@tessera/tensor';
import * as v from 'valibot';
import { checkArray, checkFields, checkText } from '../config/argument-check.ts';
import { MAX_SEED } from '../config/choices.ts';
import { fraction, whole } from '../config/ranges.ts';
import { parseSchema } from '../config/schema.ts';
import { encodeModule } from '../model/weights/encode-weights.ts';
import { loadModule } from '../model/weights/decode-weights.ts';
import { writeFileAtomic } from '../run/atomic-file.ts';
import { nameFile } from '../run/file-error.ts';
import { sha256Of } from '../run/integrity/hash.ts';
import type { FeatureSet } from './features.ts';
import { FEATURES, LeNet, lenetSize } from './lenet.ts';

/** What a ruler was made from. */
export interface RulerCard {
  /** The name or the folder of the data, as `--data` takes it. */
  readonly data: string;
  /** Number of classes. */
  readonly classes: number;
  /** Side of the images in pixels, margins included. */
  readonly side: number;
  /** 1: grey; 3: red, green and blue. */
  readonly channels: number;
  readonly epochs: number;
  readonly seed: number;
  /** Share of the test images whose class it names. */
  readonly accuracy: number;
}

/** A trained LeNet and what it was made from. */
export interface Ruler {
  readonly lenet: LeNet;
  readonly card: RulerCard;
}

/** What a ruler reads in some images. */
export interface Reading {
  /** `[count, 84]` */
  readonly features: FeatureSet;
  /** The class of each image: [count]. */
  readonly classes: Int32Array;
}

/** The ruler of MNIST that the package brings, made by `tessera ruler --out packages/dit/rulers/mnist.safetensors`. */
const SHIPPED = fileURLToPath(new URL('../../rulers/mnist.safetensors', import.meta.url));

/** The SHA-256 of that file. Figures of two versions compare only if it is the same. */
const RULER_SHA256 = '286db7cdfa9f60b9cedbb0eb61816ca5308361c799ce94ba7517c25d055325c6';

/** Mark of the files of rulers. */
const FORMAT = 'tessera-ruler-1';

/** The numbers of a card. */
const NUMBERS = ['classes', 'side', 'channels', 'epochs', 'seed', 'accuracy'] as const;

const numbersSchema = v.object({
  classes: whole(1, 100_000),
  side: v.pipe(
    whole(1, 10_000),
    v.minValue(16, 'must be at least 16'),
    v.multipleOf(4, 'must be divisible by 4'),
  ),
  channels: v.picklist([1, 3]),
  epochs: whole(0, 1e9),
  seed: whole(0, MAX_SEED),
  accuracy: fraction,
});

/** Images read at once. */
const CHUNK = 500;

/** Writes a ruler as a safetensors file. */
export async function saveRuler(path: string, { lenet, card }: Ruler): Promise<void> {
  const metadata: Record<string, string> = { format: FORMAT, data: card.data };
  for (const name of NUMBERS) metadata[name] = String(card[name]);
  await writeFileAtomic(path, await encodeModule(lenet, metadata));
}

/**
 * Reads the file of a ruler.
 *
 * @param path Default: the ruler of MNIST that the package brings.
 * @throws ValueError if there is no such file; FormatError if it is no ruler, or not the one that the
 *   package was made with
 * @example
 * const { card } = await readRuler();
 * card.accuracy; // 0.9944
 */
export async function readRuler(path: string = SHIPPED): Promise<Ruler> {
  checkText('readRuler', 'path', path);
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (error) {
    throw nameFile('readRuler', path, 'read', error);
  }
  if (path === SHIPPED) checkShipped(bytes);
  const { metadata, tensors } = decodeSafetensors(bytes, path);
  const card = readCard(metadata, path);
  checkSize(card, tensors, path);
  const blank = new LeNet({ ...card, key: key(0) });
  return { lenet: loadModule(bytes, blank, path), card };
}

/** Throws a FormatError unless the file has as many weights as the network of its card, which is then made. */
function checkSize(
  card: RulerCard,
  tensors: ReadonlyMap<string, SafetensorsEntry>,
  path: string,
): void {
  const found = [...tensors.values()].reduce((sum, { data }) => sum + data.length, 0);
  const expected = lenetSize(card);
  if (found === expected) return;
  throw new FormatError(
    'readRuler',
    `${path}: found ${found} weights, expected ${expected} for images of ${card.channels}×${card.side}×${card.side} and ${card.classes} classes.`,
  );
}

function checkShipped(bytes: Uint8Array): void {
  const found = sha256Of(bytes);
  if (found === RULER_SHA256) return;
  throw new FormatError(
    'readRuler',
    `${SHIPPED}: the SHA-256 is ${found}, expected ${RULER_SHA256}. Install the package again.`,
  );
}

function readCard(metadata: Readonly<Record<string, string>>, path: string): RulerCard {
  const { format, data } = metadata;
  if (format !== FORMAT || data === undefined) {
    throw new FormatError(
      'readRuler',
      `${path}: found no ruler of the format ${FORMAT}. Make one with \`tessera ruler\`.`,
    );
  }
  const numbers = Object.fromEntries(NUMBERS.map((name) => [name, Number(metadata[name])]));
  return { data, ...parseSchema('readRuler', numbersSchema, numbers, path) };
}

/** Features and classes of some images, compiled once for all calls. */
const read = compile((lenet: LeNet, images: Tensor) => {
  const features = lenet.features(images);
  return { features, classes: argmax(lenet.head.forward(features), 1) };
});

/**
 * Reads images: their features, and the classes that the ruler names.
 *
 * @param images `[count, channels, side, side]`, about in [-1, 1]
 * @throws ShapeError if they are not whole images
 * @example
 * const { classes } = await readImages(await readRuler(), new Float32Array(2 * 32 * 32).fill(-1));
 * classes.length; // 2
 */
export async function readImages(ruler: Ruler, images: Float32Array): Promise<Reading> {
  checkFields('readImages', 'ruler', ruler, ['lenet', 'card'], 'readRuler gives one.');
  checkArray('readImages', 'images', images, 'Float32Array');
  const { lenet, card } = ruler;
  const { side, channels } = card;
  const size = channels * side ** 2;
  const count = images.length / size;
  if (!Number.isInteger(count)) {
    throw new ShapeError(
      'readImages',
      `${images.length} numbers are not whole images [${channels}, ${side}, ${side}].`,
      [[images.length], [channels, side, side]],
    );
  }
  const values = new Float32Array(count * FEATURES);
  const classes = new Int32Array(count);
  for (let start = 0; start < count; start += CHUNK) {
    const some = images.subarray(start * size, (start + CHUNK) * size);
    const batch = tensor(some, { shape: [some.length / size, channels, side, side] });
    const chunk = read(lenet, batch);
    values.set(await chunk.features.data(), start * FEATURES);
    classes.set(await chunk.classes.data(), start);
    for (const done of [batch, ...Object.values(chunk)]) done.dispose();
  }
  return { features: { values, length: FEATURES }, classes };
}
