import { mkdir, mkdtemp, readFile, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FormatError, ValueError } from '@tessera/tensor';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { presetConfig } from '../../../packages/dit/src/config/presets.ts';
import {
  chooseRunFolder,
  readRunConfig,
  writeRunConfig,
} from '../../../packages/dit/src/run/run-folder.ts';

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'tessera-run-'));
});

afterEach(async () => {
  await rm(dir, { recursive: true });
});

describe('the folder of a new run', () => {
  test('is the one named, if it is new or empty', async () => {
    await mkdir(join(dir, 'empty'));
    expect(await chooseRunFolder(join(dir, 'new'))).toBe(join(dir, 'new'));
    expect(await chooseRunFolder(join(dir, 'empty'))).toBe(join(dir, 'empty'));
    expect(await readdir(dir)).toEqual(['empty']);
  });

  test('is refused if it holds anything, or is a file', async () => {
    await writeFile(join(dir, 'notes.txt'), 'mine');
    await expect(chooseRunFolder(dir)).rejects.toThrow(
      /is not empty \(it holds notes\.txt\)\. Name a new one by --out, or remove it first\.$/,
    );
    await expect(chooseRunFolder(join(dir, 'notes.txt'))).rejects.toThrow(ValueError);
  });

  test('without a name is the standard one, or the next number that is free', async () => {
    const standard = join(dir, 'runs', 'mnist');
    for (const expected of [standard, `${standard}-2`, `${standard}-3`]) {
      expect(await chooseRunFolder(undefined, standard)).toBe(expected);
      await mkdir(expected, { recursive: true });
      await writeFile(join(expected, 'config.json'), '{}');
    }
  });
});

describe('the configuration of a run', () => {
  const config = { ...presetConfig('smoke', { seed: 5 }), latentScale: 1.25 };

  test('comes back as it was written, into a folder that is made for it', async () => {
    const run = join(dir, 'deep', 'run');
    await writeRunConfig(run, config);
    expect(await readRunConfig(run)).toEqual(config);
    expect(await readdir(run)).toEqual(['config.json']);
    expect(await readFile(join(run, 'config.json'), 'utf8')).toMatch(/^\{\n {2}"preset": "smoke",/);
  });

  test('is not written if it does not hold together', async () => {
    const model = { ...config.model, patchSize: 3 };
    await expect(writeRunConfig(join(dir, 'run'), { ...config, model })).rejects.toThrow(
      FormatError,
    );
    expect(await readdir(dir)).toEqual([]);
  });

  test('is refused in one line if it is missing or mangled', async () => {
    const problem = async (): Promise<string> => {
      try {
        await readRunConfig(dir);
      } catch (error) {
        return String(error).replaceAll(dir, 'DIR');
      }
      return 'accepted';
    };
    expect(await problem()).toMatchInlineSnapshot(
      `"ValueError: readRunConfig: DIR is not the folder of a run: DIR/config.json is missing. Name a folder that a training wrote."`,
    );
    await writeFile(join(dir, 'config.json'), '{"preset": ');
    expect(await problem()).toMatch(
      /^FormatError: readTrainConfig: DIR\/config\.json: not JSON \(.*\)\.$/,
    );
    await writeFile(join(dir, 'config.json'), '{}');
    expect(await problem()).toMatchInlineSnapshot(
      `"FormatError: parseTrainConfig: DIR/config.json: preset: missing."`,
    );
  });

  test('is refused if it is too large to be one, or a folder', async () => {
    const path = join(dir, 'config.json');
    await writeFile(path, '');
    for (const size of [6e8, 3e9]) {
      await truncate(path, size);
      await expect(readRunConfig(dir)).rejects.toThrow(
        `config.json: found ${size} bytes, expected at most 1048576. Is it another file?`,
      );
    }
    await rm(path);
    await mkdir(path);
    await expect(readRunConfig(dir)).rejects.toThrow(/cannot be read: it is a folder \(EISDIR\)/);
  });

  test('every truncation of the file is refused', async () => {
    await writeRunConfig(dir, config);
    const path = join(dir, 'config.json');
    const text = await readFile(path, 'utf8');
    for (let length = 0; length < text.length - 1; length += 7) {
      await writeFile(path, text.slice(0, length));
      await expect(readRunConfig(dir)).rejects.toThrow(FormatError);
    }
  });
});
