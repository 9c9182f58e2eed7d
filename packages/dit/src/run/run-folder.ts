// The folder of a run: its file names, how it is chosen, and its configuration.

import { existsSync, statSync } from 'node:fs';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ValueError } from '@tessera/tensor';
import { checkText } from '../config/argument-check.ts';
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
  /** Weights of the autoencoder, if the run has one. */
  autoencoder: 'autoencoder.safetensors',
  /** Test images and their reconstructions by the autoencoder, if the run has one. */
  reconstructions: 'reconstructions.png',
  /** Averaged weights of the Diffusion Transformer, under the official names. */
  model: 'model.safetensors',
  /** Loss of the Diffusion Transformer against its steps. */
  lossCurve: 'loss.png',
  /** The last grid of samples: ten images of each class. */
  samples: 'samples.png',
  /** The scores along the training, see `--evaluate-every`. */
  evaluations: 'evaluations.jsonl',
  /** The averaged weights with the best of these scores. */
  best: 'model-best.safetensors',
  /** The step at which the training went wrong, if it did. */
  anomaly: 'anomaly.safetensors',
  /** The folder of saved states, from which a training goes on. */
  state: 'state',
  /** The SHA-256 of files of a run that is handed on, as `sha256sum` writes them. */
  checksums: 'SHA256SUMS',
} as const;

/**
 * The folder of the run that the package brings: a model of MNIST that is told label, text and depth, in half
 * precision. Its README says what it is made of and how well it draws.
 *
 * @example
 * SHIPPED_RUN.endsWith('mnist'); // true
 */
export const SHIPPED_RUN: string = fileURLToPath(new URL('../../weights/mnist', import.meta.url));

/** The picture of samples after a step, such as `samples/step-000500.png`. */
export function previewFile(step: number): string {
  return `samples/step-${String(step).padStart(6, '0')}.png`;
}

/** The weights of a further average: those of decay 0.99 lie in `model-ema-0.99.safetensors`. */
export function averageFile(decay: number): string {
  return `model-ema-${decay}.safetensors`;
}

/** Most bytes of a configuration. A usual one has about 1,500. */
const LARGEST_CONFIG = 2 ** 20;

/** The folder of a run without `--out`. */
const DEFAULT_RUN_FOLDER = 'runs/mnist';

/** The names in a folder; none if it does not exist. */
export async function filesIn(op: string, folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (fileErrorCode(error) === 'ENOENT') return [];
    throw nameFile(op, folder, 'read', error);
  }
}

/** The names in a folder that a run is to be written to; none if it does not exist. */
async function listFolder(path: string): Promise<string[]> {
  try {
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats === undefined) {
      return [];
    }
    if (!stats.isDirectory()) {
      throw new ValueError(
        'chooseRunFolder',
        `${path} is a file, expected a folder for the run. Name a new one by --out.`,
      );
    }
    return await readdir(path);
  } catch (error) {
    throw nameFile('chooseRunFolder', path, 'read', error);
  }
}

/**
 * Chooses the folder of a run so that no earlier run loses anything. A folder that the user names must be
 * new or empty. Without a name the folder is the standard one, or the first of `runs/mnist-2`,
 * `runs/mnist-3`, … that is new or empty. Nothing is created yet.
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
  if (named !== undefined) checkText('chooseRunFolder', 'named', named);
  checkText('chooseRunFolder', 'standard', standard);
  if (named !== undefined) {
    const files = await listFolder(named);
    if (files.length > 0) {
      const hint = files.includes(RUN_FILES.config) ? ` go on with it by --resume ${named},` : '';
      throw new ValueError(
        'chooseRunFolder',
        `the folder ${named} is not empty (it holds ${files.sort()[0]}). Name a new one by --out,${hint} or remove it first.`,
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
 * Takes the folder that {@link chooseRunFolder} chooses for one run alone, by creating its `config.json`.
 * If two runs start together only one can create it. Without a name the other takes the next folder.
 *
 * @returns the folder
 * @throws ValueError if the named folder cannot be written, or holds files, perhaps of a run that has just
 *   begun; FormatError if the configuration does not hold together
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
  if (named !== undefined) checkText('claimRunFolder', 'named', named);
  checkText('claimRunFolder', 'standard', standard);
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
    // A full disk leaves an empty file. It goes, so that the folder can be used later.
    await rm(path, { force: true }).catch(() => undefined);
    throw nameFile('claimRunFolder', path, 'written', error);
  }
}

/** The text of `config.json`. */
function configText(config: TrainConfig, source: string): string {
  return `${JSON.stringify(parseTrainConfig(config, source), null, 2)}\n`;
}

/**
 * Writes `config.json` into the folder of a run, and creates the folder if it does not exist.
 *
 * @throws FormatError if the configuration does not hold together; ValueError if the file cannot be
 *   written
 * @example
 * await writeRunConfig('runs/first', presetConfig('smoke'));
 */
export async function writeRunConfig(folder: string, config: TrainConfig): Promise<void> {
  checkText('writeRunConfig', 'folder', folder);
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
  checkText('readRunConfig', 'folder', folder);
  return parseConfigText(await readConfigText(folder), join(folder, RUN_FILES.config));
}

/** Reads the text of `config.json`. Throws a ValueError if the folder or the file is not there. */
export async function readConfigText(folder: string): Promise<string> {
  const path = join(folder, RUN_FILES.config);
  if (!existsSync(path)) {
    throw new ValueError(
      'readRunConfig',
      `${folder} is not the folder of a run: ${path} is missing. Name a folder that a training wrote.`,
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
