import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inspectCommand } from '../../../packages/dit/src/cli/inspect-command.ts';
import { completeSampleOptions } from '../../../packages/dit/src/cli/sample/sample-command.ts';
import { presetConfig } from '../../../packages/dit/src/config/presets.ts';
import { fitConfig, readFittedRun } from '../../../packages/dit/src/train/fit-config.ts';
import { NUMPY_ARCHIVE, png, writeFiles } from '../data/data-files.ts';

let dir = '';

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'tessera-inspect-data-'));
  await writeFiles(dir, {
    'set.npz': NUMPY_ARCHIVE,
    'photos/cat/1.png': png([1, 2, 3], 20),
    'photos/cat/2.png': png([4, 5, 6], 20),
    'photos/dog/3.png': png([7, 8, 9], 20),
    'photos/dog/4.png': 'text',
    'told/captions.csv': 'file,caption\n1.png,a red cat\n2.png,the cat sat\n',
    'told/1.png': png([1], 40),
    'told/2.png': png([2], 40),
  });
});

afterAll(() => rm(dir, { recursive: true }));

describe('tessera inspect --data', () => {
  const linesOf = async (data: string, json = false): Promise<string> => {
    const lines: string[] = [];
    await inspectCommand({ data: join(dir, data), json }, (line) => lines.push(line));
    return lines.join('\n').replaceAll(dir, 'DIR');
  };

  it('says what was found, in lines', async () => {
    expect(await linesOf('photos')).toMatchInlineSnapshot(`
      "data      DIR/photos
      format    folder of images
      images    20×20, colour, values from 0 to 255
      train     3
      test      the same 3
      classes   2: cat (2), dog (1)
      captions  none
      maps      none
      training  Images of 20×20 are padded with black to 32×32.
      bad       DIR/photos/dog/4.png: it begins with the bytes 74 65 78 74, expected a PNG or a JPEG."
    `);
    expect(await linesOf('set.npz')).toMatchInlineSnapshot(`
      "data      DIR/set.npz
      format    npy or npz
      images    2×3, colour, values from 0 to 255
      train     2
      test      the same 2
      classes   2: cat (1), dog (1)
      captions  2, of up to 4 letters
      maps      depth
      training  Images of 2×3 are padded with black to 16×16."
    `);
  });

  it('says the same as JSON', async () => {
    expect(JSON.parse(await linesOf('photos', true))).toMatchObject({
      train: 3,
      testIsTrain: true,
      shape: [3, 20, 20],
      classes: [
        { name: 'cat', count: 2 },
        { name: 'dog', count: 1 },
      ],
      square: { size: 32 },
      bad: [{ path: 'DIR/photos/dog/4.png' }],
    });
  });

  it('refuses a model beside data', async () => {
    const args = { data: 'd', name: 'DiT-S/2' };
    await expect(inspectCommand(args, () => undefined)).rejects.toThrow(/Leave one out/);
  });
});

describe('a preset and its data', () => {
  const fitted = (data: string, changes: Parameters<typeof presetConfig>[1] = {}, size?: number) =>
    readFittedRun(presetConfig('smoke', { ...changes, data: join(dir, data) }), {
      fits: true,
      skipBad: true,
      needsLabels: false,
      ...(size !== undefined && { imageSize: size }),
    });

  it('take size, channels, classes and names from the data', async () => {
    const { config } = await fitted('photos');
    expect(config.autoencoder).toMatchObject({ imageChannels: 3 });
    expect(config.autoencoder?.imageSize).toBeUndefined();
    expect(config).toMatchObject({
      classNames: ['cat', 'dog'],
      model: { numClasses: 2, inputSize: 8 },
    });
    const small = (await fitted('photos', {}, 16)).config;
    expect(small).toMatchObject({ autoencoder: { imageSize: 16 }, model: { inputSize: 4 } });
    // A quarter of the pixels in three channels: the mean of a pixel weighs 4 / 3 as much.
    expect(small.autoencoder?.klWeight).toBeCloseTo(
      (presetConfig('smoke').autoencoder.klWeight * 4) / 3,
      12,
    );
    await expect(fitted('photos', {}, 20)).rejects.toThrow(
      '--image-size 20: expected a multiple of 16, which autoencoder and patches need. Use 32.',
    );
  });

  it('have no classes where the data have none, and words of their captions', async () => {
    const { config, data } = await fitted('told', { conditions: ['label', 'text', 'depth'] });
    expect(config.model.numClasses).toBe(0);
    expect(config.model.conditions).toMatchObject([
      { kind: 'text', words: ['cat', 'a', 'red', 'the', 'sat'], length: 3 },
      { kind: 'map', size: 48 },
    ]);
    expect((await fitted('told')).config.sampling.guidance).toBe(1);
    expect(() => fitConfig(presetConfig('smoke'), data, { needsLabels: true })).toThrow(
      /have no labels/,
    );
  });

  it('let samples be asked for by the names of classes', async () => {
    const config = { ...(await fitted('photos')).config, latentScale: 1 };
    const given = { run: 'run', out: 'a.png', seed: 0 };
    expect(completeSampleOptions({ ...given, labels: ['dog', 0] }, config).labels).toEqual([1, 0]);
    expect(() => completeSampleOptions({ ...given, labels: ['cow'] }, config)).toThrow(
      "--labels cow: there is no class 'cow'. The classes of this run have the names cat, dog.",
    );
  });
});
