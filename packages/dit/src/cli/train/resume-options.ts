// The options of `tessera train` on saved states: how often they are saved, and going on from one.

import { InvalidArgumentError, type Command } from 'commander';
import type { SaveInterval } from '../../train/options.ts';
import * as read from '../arguments.ts';

/** How the state of a training is kept, and whether one is gone on from. */
export interface ResumeArguments {
  /** The folder of a run that was stopped. */
  readonly resume?: string;
  readonly saveEvery?: SaveInterval;
  readonly keep?: number;
}

/** Describes these options. */
export function addResumeOptions(train: Command): void {
  train
    .option(
      '--resume <folder>',
      'goes on with a run that was stopped, from its last saved state, or with more --steps',
    )
    .option(
      '--save-every <n>',
      'steps from one saved state to the next, or minutes such as 10m (default: 5m)',
      saveInterval,
    )
    .option(
      '--keep <n>',
      'saved states that stay; 0 saves none (default: 2)',
      read.wholeNumber(0, 1000),
    );
}

/** Reads an interval: a number of steps, or of minutes such as `10m` or `0.5m`. */
function saveInterval(text: string): SaveInterval {
  const [, minutes] = /^(\d+(?:\.\d+)?)m$/.exec(text) ?? [];
  if (minutes !== undefined && Number(minutes) > 0) return { minutes: Number(minutes) };
  if (/^[1-9]\d{0,14}$/.test(text)) return { steps: Number(text) };
  throw new InvalidArgumentError('Expected steps such as 500, or minutes such as 10m.');
}
