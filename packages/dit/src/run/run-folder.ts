// The folder of a run: its file names, how it is chosen, and its configuration.

import { existsSync, statSync } from 'node:fs';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ValueError } from '@tessera/tensor';
import { parseConfigText, parseTrainConfig, type TrainConfig } from '../config/config.ts';
import { writeFileAtomic } from './atomic-file.ts';
import { fileErrorCode, nameFile } from './file-error.ts';
import { readText } from './read-text.ts';

/**
 * The names of the files in the folder of a run.
 *
 * @example
 * RUN_FILES.model; // 'model.safetensors'
 */
export const RUN_FILES = {
  /** The configuration, see `TrainConfig`. */
  config: 'config.json',
  /** The log, see `LogRow`. */
  log: 'log.jsonl',
  /** Weights of the autoencoder. */
  autoencoder: 'autoencoder.safetensors',
  /** Test digits and what the autoencoder makes of them. */
  reconstructions: 'reconstructions.png',
  /** Averaged weights of the Diffusion Transformer, under the official names. */
  model: 'model.safetensors',
  /** Loss of the Diffusion Transformer against its steps. */
  lossCurve: 'loss.png',
  /** The last grid of samples: ten digits of each class. */
  samples: 'samples.png',
} as const;

/** A configuration has about 1,500 bytes; a file larger than this is none. */
const LARGEST_CONFIG = 2 ** 20;

/** The folder of a run when `--out` does not say otherwise. */
const DEFAULT_RUN_FOLDER = 'runs/mnist';

/** The files in a folder; none if it does not exist. */
async function listFolder(path: string): Promise<string[]> {
  try {
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats === undefined) {
      return [];
    }
    if (!stats.isDirectory()) {
      throw new ValueError('chooseRunFolder', `${path} is a file, expected a folder.`);
    }
    return await readdir(path);
  } catch (error) {
    throw nameFile('chooseRunFolder', path, 'read', error);
  }
}

/**
 * Decides where a run goes so that no earlier run loses anything: a folder that is named must be new or
 * empty; without a name it is the standard one, or the first of `runs/mnist-2`, `runs/mnist-3`, … that is.
 * Nothing is created yet.
 *
 * @param named the folder that the user named, if any
 * @param standard the folder without a name. Default: `runs/mnist`
 * @throws ValueError if the named folder holds files or is itself a file
 * @example
 * await chooseRunFolder('runs/mine'); // 'runs/mine': new, or empty
 */
export async function chooseRunFolder(
  named: string | undefined,
  standard: string = DEFAULT_RUN_FOLDER,
): Promise<string> {
  if (named !== undefined) {
    const files = await listFolder(named);
    if (files.length > 0) {
      throw new ValueError(
        'chooseRunFolder',
        `the folder ${named} is not empty (it holds ${files.sort()[0]}). Name a new one by --out, or remove it first.`,
      );
    }
    return named;
  }
  let folder = standard;
  for (let i = 2; (await listFolder(folder)).length > 0; i++) {
    folder = `${standard}-${i}`;
  }
  return folder;
}

/**
 * Takes the folder that {@link chooseRunFolder} chooses for one run alone: its `config.json` is created,
 * which only one of two runs that start together can do. Without a name the other takes the next folder.
 *
 * @returns the folder
 * @throws ValueError if the named folder holds files, by now perhaps those of another run, or cannot be
 *   written; FormatError if the configuration does not hold together
 * @example
 * const config = presetConfig('smoke');
 * await claimRunFolder(undefined, config, 'runs/digits'); // 'runs/digits'
 * await claimRunFolder(undefined, config, 'runs/digits'); // 'runs/digits-2'
 */
export async function claimRunFolder(
  named: string | undefined,
  config: TrainConfig,
  standard: string = DEFAULT_RUN_FOLDER,
): Promise<string> {
  const text = configText(config, named ?? standard);
  for (;;) {
    const folder = await chooseRunFolder(named, standard);
    if (await createFile(folder, RUN_FILES.config, text)) return folder;
  }
}

/** Creates a file and its folder; `false` if the file is there already. */
async function createFile(folder: string, name: string, text: string): Promise<boolean> {
  const path = join(folder, name);
  try {
    await mkdir(folder, { recursive: true });
    await writeFile(path, text, { flag: 'wx' });
    return true;
  } catch (error) {
    if (fileErrorCode(error) === 'EEXIST') return false;
    // A full disk leaves an empty file, which would keep the folder from being used.
    await rm(path, { force: true }).catch(() => undefined);
    throw nameFile('claimRunFolder', path, 'written', error);
  }
}

/** The text of `config.json`. */
function configText(config: TrainConfig, source: string): string {
  return `${JSON.stringify(parseTrainConfig(config, source), null, 2)}\n`;
}

/**
 * Writes `config.json` into the folder of a run, which is created if need be.
 *
 * @throws FormatError if the configuration does not hold together; ValueError if the file cannot be
 *   written
 * @example
 * await writeRunConfig('runs/first', presetConfig('smoke'));
 */
export async function writeRunConfig(folder: string, config: TrainConfig): Promise<void> {
  const path = join(folder, RUN_FILES.config);
  const text = configText(config, path);
  try {
    await mkdir(folder, { recursive: true });
  } catch (error) {
    throw nameFile('writeRunConfig', folder, 'written', error);
  }
  await writeFileAtomic(path, text);
}

/**
 * Reads `config.json` from the folder of a run.
 *
 * @throws ValueError if the folder or the file is not there; FormatError if it is not a configuration
 * @example
 * await writeRunConfig('runs/second', presetConfig('smoke', { seed: 7 }));
 * (await readRunConfig('runs/second')).seed; // 7
 */
export async function readRunConfig(folder: string): Promise<TrainConfig> {
  return parseConfigText(await readConfigText(folder), join(folder, RUN_FILES.config));
}

/** Reads the text of `config.json`. Throws a ValueError if the folder or the file is not there. */
export async function readConfigText(folder: string): Promise<string> {
  const path = join(folder, RUN_FILES.config);
  if (!existsSync(path)) {
    throw new ValueError(
      'readRunConfig',
      `${folder} is not the folder of a run: ${path} is missing.`,
    );
  }
  return readText('readTrainConfig', path, LARGEST_CONFIG);
}

/**
 * Reads a configuration from a file.
 *
 * @throws FormatError if it is not a configuration; ValueError if it cannot be read
 * @example
 * await writeRunConfig('runs/third', presetConfig('smoke', { seed: 8 }));
 * (await readTrainConfig('runs/third/config.json')).seed; // 8
 */
export async function readTrainConfig(path: string): Promise<TrainConfig> {
  return parseConfigText(await readText('readTrainConfig', path, LARGEST_CONFIG), path);
}
