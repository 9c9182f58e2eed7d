/** The folder of a run: what its files are called, where it may be, and its configuration. */

import { existsSync, statSync } from 'node:fs';
import { mkdir, readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { FormatError, ValueError } from '@tessera/tensor';
import { parseTrainConfig, type TrainConfig } from '../config.ts';
import { writeFileAtomic } from './atomic-file.ts';

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

/** The folder of a run when `--out` does not say otherwise. */
const DEFAULT_RUN_FOLDER = 'runs/mnist';

/** The files in a folder; none if it does not exist. */
async function listFolder(path: string): Promise<string[]> {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) {
    return [];
  }
  if (!stats.isDirectory()) {
    throw new ValueError('chooseRunFolder', `${path} is a file, expected a folder.`);
  }
  return readdir(path);
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
 * Writes `config.json` into the folder of a run, which is created if need be.
 *
 * @throws FormatError if the configuration does not hold together; the file system's error
 * @example
 * await writeRunConfig('runs/first', presetConfig('smoke'));
 */
export async function writeRunConfig(folder: string, config: TrainConfig): Promise<void> {
  const path = join(folder, RUN_FILES.config);
  const text = `${JSON.stringify(parseTrainConfig(config, path), null, 2)}\n`;
  await mkdir(folder, { recursive: true });
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
  const path = join(folder, RUN_FILES.config);
  if (!existsSync(path)) {
    throw new ValueError(
      'readRunConfig',
      `${folder} is not the folder of a run: ${path} is missing.`,
    );
  }
  return readTrainConfig(path);
}

/**
 * Reads a configuration from a file.
 *
 * @throws FormatError if it is not a configuration; the file system's error if it cannot be read
 * @example
 * await writeRunConfig('runs/third', presetConfig('smoke', { seed: 8 }));
 * (await readTrainConfig('runs/third/config.json')).seed; // 8
 */
export async function readTrainConfig(path: string): Promise<TrainConfig> {
  const text = await readFile(path, 'utf8');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new FormatError(
      'readTrainConfig',
      `${path}: not JSON (${reason.replaceAll(/\s+/g, ' ')}).`,
    );
  }
  return parseTrainConfig(value, path);
}
