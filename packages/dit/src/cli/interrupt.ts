// What Ctrl-C says: what is kept, what is lost, and how to go on.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { TrainStage } from '../config/choices.ts';
import { RUN_FILES } from '../run/run-folder.ts';
import { SIGNAL_CODES } from './fail.ts';
import type { Progress } from './progress.ts';

/** How far a training has come. */
export interface TrainingPlace {
  /** The folder of the run, once there is one. */
  readonly folder?: string;
  /** Whether the run trains an autoencoder. Default: true. */
  readonly hasAutoencoder?: boolean;
  readonly stage?: TrainStage;
  readonly step?: number;
  readonly totalSteps?: number;
}

/** Says what a training that ends here loses, and which files the folder keeps. */
export function interruptedText({
  folder,
  hasAutoencoder = true,
  stage,
  step,
  totalSteps,
}: TrainingPlace): string {
  if (folder === undefined) return 'Stopped before the training began. Nothing has been written.';
  const place =
    stage === undefined
      ? 'before the first step'
      : `after step ${step} of ${totalSteps} of the ${stage}`;
  const kept = Object.values(RUN_FILES).filter((file) => existsSync(join(folder, file)));
  const lost = [
    ...(!hasAutoencoder || kept.includes(RUN_FILES.autoencoder) ? [] : ['autoencoder']),
    ...(kept.includes(RUN_FILES.model) ? [] : ['Diffusion Transformer']),
  ];
  const loss =
    lost.length === 0
      ? ''
      : ` The weights of the ${lost.join(' and the ')} are lost: they are written when a training ends.`;
  return `Stopped ${place}. ${folder} keeps ${kept.join(', ')}.${loss} To start anew: tessera train --config ${join(folder, RUN_FILES.config)}`;
}

/**
 * Ends the process at the first SIGINT or SIGTERM, with one line on stderr and the exit code of the signal.
 * The cursor ends below the progress bar.
 *
 * @param text gives the line
 * @returns a function that stops listening to the signals
 */
export function onInterrupt(progress: Progress, text: () => string): () => void {
  const end = (signal: keyof typeof SIGNAL_CODES): void => {
    progress.stop();
    process.stderr.write(`${text()}\n`, () => process.exit(SIGNAL_CODES[signal]));
  };
  const signals = Object.keys(SIGNAL_CODES) as (keyof typeof SIGNAL_CODES)[];
  for (const signal of signals) process.once(signal, end);
  return () => {
    for (const signal of signals) process.off(signal, end);
  };
}
