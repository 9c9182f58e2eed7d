import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encode } from 'fast-png';
import { zipSync } from 'fflate';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { setDefaultBackend, tensor, toNpy, wasmBackend, type Backend } from '@tessera/tensor';
import { evaluateImages, loadMnist, readData, readRuler, type Mnist } from '@tessera/dit/node';
import { imageEvaluationText } from '../../../packages/dit/src/cli/evaluation-text.ts';
import {
  imagesForRuler,
  type FittedImages,
} from '../../../packages/dit/src/evaluate/evaluate-images.ts';
import { firstDigits } from './first-digits.ts';

let mnist: Mnist;
let folder: string;
let before: Backend | null;
const backend = wasmBackend();
const COUNT = 120;

beforeAll(async () => {
  before = setDefaultBackend(backend);
  mnist = await loadMnist();
  folder = await mkdtemp(join(tmpdir(), 'tessera-images-'));
});

afterAll(async () => {
  setDefaultBackend(before);
  backend.stopThreads();
  await rm(folder, { recursive: true });
});

/** The first digits of a half of MNIST as an npz file. */
async function writeArrays(
  name: string,
  half: 'train' | 'test',
  labelled: boolean,
): Promise<string> {
  const bytes = Int32Array.from(mnist[half].images.subarray(0, COUNT * 784));
  const labels = Int32Array.from(mnist[half].labels.subarray(0, COUNT));
  const images = await toNpy(tensor(bytes, { shape: [COUNT, 28, 28, 1] }), { dtype: '|u1' });
  const path = join(folder, name);
  const arrays = {
    'arr_0.npy': images,
    ...(labelled && { 'arr_1.npy': await toNpy(tensor(labels)) }),
  };
  await writeFile(path, zipSync(arrays));
  return path;
}

async function read(path: string, classNames?: readonly string[]): Promise<FittedImages> {
  const { card } = await readRuler();
  const found = await readData(path, { size: card.side, unit: 16, channels: 1 });
  if (found.kind === 'latents') throw new Error('latents');
  return imagesForRuler(path, found, card, 16, classNames === undefined ? {} : { classNames });
}

describe('images from files', () => {
  it('are all of them, in the square of the ruler, beside their labels', async () => {
    const { images, classes, notes } = await read(await writeArrays('some.npz', 'test', true));
    expect(images.length).toBe(COUNT * 1024);
    expect(classes?.length).toBe(COUNT);
    expect(notes).toEqual(['Images of 28×28 are padded with black to 32×32.']);
    const digits = firstDigits(mnist, 'test', COUNT);
    const sorted = (labels: ArrayLike<number>): number[] =>
      Array.from(labels).toSorted((a, b) => a - b);
    expect(sorted(classes ?? [])).toEqual(sorted(digits.labels));
    // Labels stay beside their images, whatever the order.
    const sumOf = (image: ArrayLike<number>): number => Array.from(image).reduce((a, b) => a + b);
    const wanted = new Set(
      Array.from(digits.labels, (label, i) => {
        const bytes = digits.images.subarray(i * 1024, (i + 1) * 1024);
        return `${label}:${sumOf(bytes)}`;
      }),
    );
    for (let i = 0; i < COUNT; i++) {
      const pixels = images.subarray(i * 1024, (i + 1) * 1024);
      const sum = sumOf(Array.from(pixels, (value) => Math.round((value + 1) * 127.5)));
      expect(wanted.has(`${classes?.[i]}:${sum}`)).toBe(true);
    }
  });

  it('in folders of classes have the classes of their names', async () => {
    for (const [name, row] of [
      ['7', 5],
      ['3', 6],
    ] as const) {
      await mkdir(join(folder, 'digits', name), { recursive: true });
      const data = mnist.test.images.slice(row * 784, (row + 1) * 784);
      const png = encode({ width: 28, height: 28, channels: 1, data });
      await writeFile(join(folder, 'digits', name, 'one.png'), png);
    }
    const { classes } = await read(join(folder, 'digits'));
    expect(Array.from(classes ?? []).toSorted((a, b) => a - b)).toEqual([3, 7]);
    const names = ['zero', 'one', 'two', '7', '4', '5', '6', '3', '8', '9'];
    const named = await read(join(folder, 'digits'), names);
    expect(Array.from(named.classes ?? []).toSorted((a, b) => a - b)).toEqual([3, 7]);
    await expect(read(join(folder, 'digits'), ['cat', 'dog'])).rejects.toThrow(
      /digits: there is no class '[37]'\. The ruler reads cat, dog\./,
    );
  });
});

describe('evaluateImages', () => {
  it('scores digits as digits, and nothing as asked where nothing is', async () => {
    const [ruler, real] = [
      await readRuler(),
      { train: firstDigits(mnist, 'train', 300), test: firstDigits(mnist, 'test', 200) },
    ];
    const labelled = await read(await writeArrays('train.npz', 'train', true));
    const { scores, samples, marks } = await evaluateImages(labelled, ruler, real);
    expect(samples).toBe(COUNT);
    expect(scores.accuracy).toBeGreaterThan(0.97);
    expect(scores.fcd).toBeLessThan(0.1 * marks.ceiling);
    // They are among the training images.
    expect(scores.copies).toBe(1);
    expect(scores.nearest).toBeLessThan(0.01);
    const open = await evaluateImages(
      await read(await writeArrays('open.npz', 'train', false)),
      ruler,
      real,
    );
    expect(open.scores).not.toHaveProperty('accuracy');
    expect(open.scores.fcd).toBe(scores.fcd);
    const [titles, row] = imageEvaluationText(open);
    expect(titles).toContain(`${COUNT} images`);
    expect(row).toMatch(/^of these files +– +\d/);
  });

  it('refuses what a ruler cannot read', async () => {
    const [ruler, real] = [
      await readRuler(),
      { train: firstDigits(mnist, 'train', 8), test: firstDigits(mnist, 'test', 8) },
    ];
    const bad = (images: Float32Array, classes?: Int32Array): Promise<unknown> =>
      evaluateImages({ images, ...(classes !== undefined && { classes }) }, ruler, real);
    await expect(bad(new Float32Array(1000))).rejects.toThrow(
      'evaluateImages: 1000 numbers are not whole images [1, 32, 32].',
    );
    await expect(bad(new Float32Array(3 * 1024))).rejects.toThrow(
      'expected at least 4 samples and test images',
    );
    await expect(bad(new Float32Array(4 * 1024), Int32Array.of(1))).rejects.toThrow(
      'there are 1 classes for 4 images.',
    );
  });
});
