/** `tessera train`: from options to a run. */

import { join } from 'node:path';
import { DEFAULT_DATA, DEFAULT_PRESET } from '../choices.ts';
import { parseTrainConfig, type TrainConfig } from '../config.ts';
import { presetConfig, warmupSteps } from '../presets.ts';
import { RUN_FILES, chooseRunFolder, readTrainConfig } from '../run/run-folder.ts';
import { trainingHours } from '../train/cost.ts';
import type { TrainArguments } from './program.ts';
import { createProgress } from './progress.ts';

/** Runs that are expected to take longer than this are announced. */
const LONG_HOURS = 0.5;

/** One sentence about a run that will take long; `undefined` if it will not. */
export function longRunNotice(config: TrainConfig): string | undefined {
  const hours = trainingHours(config);
  if (hours === undefined || hours < LONG_HOURS) {
    return undefined;
  }
  const time = hours < 1.5 ? 'an hour' : `${Math.round(hours)} hours`;
  const hint =
    config.preset === 'smoke' ? 'fewer --steps finish sooner' : '--preset smoke takes minutes';
  return `This run (preset ${config.preset}) will take about ${time} on the ${config.backend} backend; ${hint}.`;
}

/** The configuration that the options lead to: a preset or a file, and what they change about it. */
export async function trainConfig(args: Omit<TrainArguments, 'out'>): Promise<TrainConfig> {
  const { preset = DEFAULT_PRESET, config: file, data, ...rest } = args;
  // The name of the npm package stands for the package in configurations, but for a folder here.
  const folder = data === DEFAULT_DATA ? `./${data}` : data;
  const changes = { ...rest, ...(folder !== undefined && { data: folder }) };
  if (file === undefined) return presetConfig(preset, changes);
  // The run trains an autoencoder of its own, so the scale of its latents is not known yet.
  const { latentScale: _, ...config } = await readTrainConfig(file);
  const optimizer = { ...config.optimizer };
  if (changes.steps !== undefined) {
    optimizer.warmupSteps = Math.min(optimizer.warmupSteps, warmupSteps(changes.steps));
  }
  return parseTrainConfig({ ...config, ...changes, optimizer }, file);
}

/** Trains as the options say, and shows how far it is. */
export async function trainCommand({ out: named, ...args }: TrainArguments): Promise<void> {
  const config = await trainConfig(args);
  const out = await chooseRunFolder(named);
  const progress = createProgress();
  const { train } = await import('../train/train.ts');
  try {
    await train({
      config,
      out,
      ...(config.data === DEFAULT_DATA ? {} : { dataDir: config.data }),
      onStart: () => {
        progress.notice(`Training in ${out}.`);
        const long = longRunNotice(config);
        if (long !== undefined) {
          progress.notice(long);
        }
      },
      onStage: ({ name, totalSteps }) => {
        progress.stage(name, totalSteps);
      },
      onProgress: ({ step, loss, imagesPerSecond }) => {
        progress.step(step, [`loss ${loss.toFixed(4)}`, `${imagesPerSecond.toFixed(0)} images/s`]);
      },
      onNotice: (text) => {
        progress.notice(text);
      },
    });
  } finally {
    progress.stop();
  }
  const pictures = [RUN_FILES.samples, RUN_FILES.lossCurve].map((file) => join(out, file));
  process.stdout.write(`Samples: ${pictures[0]}\nLoss curve: ${pictures[1]}\n`);
}
