// The options of `tessera train` on how it steps and what it keeps, and the one that reaches every setting.

import type { Command } from 'commander';
import {
  OPTIMIZERS,
  RATE_SCHEDULES,
  type OptimizerName,
  type RateSchedule,
} from '../../config/choices.ts';
import * as read from '../arguments.ts';

/** How a training steps, and what it keeps. Defaults are those of the preset or the configuration. */
export interface StepArguments {
  readonly optimizer?: OptimizerName;
  readonly lrSchedule?: RateSchedule;
  readonly ema?: readonly number[];
  readonly cache?: string;
  readonly sampleEvery?: number;
  readonly logEvery?: number;
  /** Steps from one look at the samples to the next. */
  readonly evaluateEvery?: number;
  readonly evaluateSamples?: number;
  /** The file of the ruler that scores them. */
  readonly ruler?: string;
  /** Single settings, each as `path=value`. They come last. */
  readonly set?: readonly string[];
}

/** Samples of a score that names no number. */
export const EVALUATED_SAMPLES = 500;

/** Describes these options. */
export function addStepOptions(train: Command): void {
  train
    .option(
      '--optimizer <name>',
      `${OPTIMIZERS.join(', ')} (default: adamw, or by configuration)`,
      read.oneOf(OPTIMIZERS),
    )
    .option(
      '--lr-schedule <name>',
      `learning rate after its warm-up: ${RATE_SCHEDULES.join(', ')} (default: cosine, or by configuration)`,
      read.oneOf(RATE_SCHEDULES),
    )
    .option(
      '--ema <list>',
      'further averages of the weights by their decays, such as 0.99,0 (default: none, or by configuration)',
      read.decays,
    )
    .option(
      '--cache <folder>',
      'keeps latents for runs with the same autoencoder and images; --pixels has none (default: none are kept)',
    )
    .option(
      '--sample-every <n>',
      'steps from one picture of samples to the next (default: a quarter of all, or by configuration)',
      read.positiveCount,
    )
    .option(
      '--log-every <n>',
      'steps from one row of the log to the next (default: 1, or by configuration)',
      read.positiveCount,
    )
    .option(
      '--evaluate-every <n>',
      'steps from one score of the samples to the next; the best weights are kept (default: no scores)',
      read.positiveCount,
    )
    .option(
      '--evaluate-samples <n>',
      `samples of each score (default: ${EVALUATED_SAMPLES})`,
      read.positiveCount,
    )
    .option('--ruler <file>', 'a file of `tessera ruler` that scores (default: the ruler of MNIST)')
    .option(
      '--set <path=value>',
      'any setting, such as model.depth=8, after all other options; may be given again (tessera settings lists all)',
      read.oneMore,
    );
}
