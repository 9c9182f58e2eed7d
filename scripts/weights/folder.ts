// Makes the folder of weights that a package brings, out of a trained run: half precision, checksums, a log.

import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  readLog,
  readRun,
  readRunConfig,
  RUN_FILES,
  writeFileAtomic,
  writeRunConfig,
  type LogRow,
} from '@tessera/dit/node';
import { namedTensors } from '@tessera/autograd/nn';
import { encodeModule, type SamplingConfig, type TrainConfig } from '@tessera/dit';
import { ValueError } from '@tessera/tensor';

/** Most bytes of the weights of a package. */
const MOST_BYTES = 4_000_000;

const HALF = { floats: 'F16' } as const;

/** Rows that each stage keeps of its log, about. */
const KEPT_ROWS = 200;

/** Digits of a number in the log that stay. */
const DIGITS = 5;

/** The folder, in that of a run, of the run that it started from. */
const BASE = 'base';

/** One training: what it did, and how long it took. */
export interface Training {
  readonly config: TrainConfig;
  /** Its files, from the folder of the weights. */
  readonly folder: string;
  /** The time of all steps, without encoding, pictures and saving. */
  readonly minutes: number;
}

/** What was written. */
export interface Shipped {
  readonly config: TrainConfig;
  /** Numbers in the weights of the model and of the autoencoder. */
  readonly weights: number;
  /** Bytes of both files. */
  readonly bytes: number;
  /** The trainings that led to the weights, the first one first. */
  readonly trainings: readonly Training[];
}

/**
 * Writes the folder.
 *
 * @param sampling settings of sampling that differ from those of the run
 * @throws ValueError if the weights are too large, before anything is written; as `readRun` and `encodeModule`
 */
export async function shipRun(
  run: string,
  out: string,
  sampling: Partial<SamplingConfig> = {},
): Promise<Shipped> {
  const { config, model, autoencoder } = await readRun(run);
  const shipped = { ...withoutStart(config), sampling: { ...config.sampling, ...sampling } };
  const files = new Map([[RUN_FILES.model as string, await encodeModule(model, {}, HALF)]]);
  if (autoencoder !== undefined) {
    files.set(RUN_FILES.autoencoder, await encodeModule(autoencoder, {}, HALF));
  }
  const bytes = [...files.values()].reduce((sum, { length }) => sum + length, 0);
  if (bytes > MOST_BYTES) {
    throw new ValueError(
      'weights',
      `the weights of ${run} take ${bytes} bytes in half precision, expected at most ${MOST_BYTES}. Train a smaller model.`,
    );
  }
  await rm(out, { recursive: true, force: true });
  await writeRunConfig(out, shipped);
  for (const [name, data] of files) await writeFileAtomic(join(out, name), data);
  const trainings = await writeTrainings(run, out, '.');
  files.set(RUN_FILES.config, await readFile(join(out, RUN_FILES.config)));
  const sums = [...files].map(([name, data]) => `${sha256(data)}  ${name}\n`);
  await writeFileAtomic(join(out, RUN_FILES.checksums), sums.join(''));
  const tensors = [...namedTensors(model), ...namedTensors(autoencoder ?? {})];
  const weights = tensors.reduce((sum, [, { size }]) => sum + size, 0);
  return { config: shipped, weights, bytes, trainings };
}

/** A configuration without the folder that the run started from, which nobody else has. */
function withoutStart<C extends TrainConfig>(config: C): C {
  const { from: _from, ...rest } = config;
  return rest as C;
}

/** Writes the logs of a run and of those that it started from, each into the folder of the next. */
async function writeTrainings(run: string, out: string, folder: string): Promise<Training[]> {
  const config = await readRunConfig(run);
  const rows = await readLog(join(run, RUN_FILES.log));
  await mkdir(join(out, folder), { recursive: true });
  const lines = thinned(rows).map((row) => `${JSON.stringify(row)}\n`);
  await writeFileAtomic(join(out, folder, RUN_FILES.log), lines.join(''));
  if (folder !== '.') await writeRunConfig(join(out, folder), withoutStart(config));
  const own = { config, folder, minutes: minutesOf(config, rows) };
  const { from } = config;
  if (from === undefined || !existsSync(from)) return [own];
  return [...(await writeTrainings(from, out, join(folder, BASE))), own];
}

/** The time of the steps, by the speed that each row tells. */
function minutesOf({ batch, autoencoder }: TrainConfig, rows: readonly LogRow[]): number {
  const seconds = rows.map(({ stage, imagesPerSecond }, i) => {
    const images = stage === 'diffusion' ? batch : (autoencoder?.batch ?? 0);
    const before = rows[i - 1];
    const steps = before?.stage === stage ? rows[i].step - before.step : rows[i].step;
    return (steps * images) / imagesPerSecond;
  });
  return seconds.reduce((sum, each) => sum + each, 0) / 60;
}

/** Every n-th row of each stage, its first and its last, with losses, norms and speeds in few digits. */
function thinned(rows: readonly LogRow[]): LogRow[] {
  const short = (value: number): number => Number(value.toPrecision(DIGITS));
  return (['autoencoder', 'diffusion'] as const).flatMap((stage) => {
    const own = rows.filter((row) => row.stage === stage);
    const every = Math.max(1, Math.ceil(own.length / KEPT_ROWS));
    return own
      .filter((_, i) => i === 0 || i === own.length - 1 || (i + 1) % every === 0)
      .map(({ step, loss, gradNorm, imagesPerSecond }) => ({
        stage,
        step,
        loss: short(loss),
        gradNorm: short(gradNorm),
        imagesPerSecond: short(imagesPerSecond),
      }));
  });
}

function sha256(data: Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}
