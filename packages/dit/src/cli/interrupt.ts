// What Ctrl-C does and says: what is kept, what is lost, and how to go on.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { TrainStage } from '../config/choices.ts';
import { RUN_FILES } from '../run/run-folder.ts';
import type { StateName } from '../run/state/state-folder.ts';
import { SIGNAL_CODES } from './fail.ts';
import type { Progress } from './progress.ts';

/** A signal that asks a process to end. */
export type EndSignal = keyof typeof SIGNAL_CODES;

/** How far a training has come. */
export interface TrainingPlace {
  /** The folder of the run, once there is one. */
  readonly folder?: string;
  /** Whether the run trains an autoencoder. Default: true. */
  readonly hasAutoencoder?: boolean;
  readonly stage?: TrainStage;
  readonly step?: number;
  readonly totalSteps?: number;
  /** The last state that is saved. */
  readonly saved?: StateName;
  /** The options to give again when the run goes on, each after a space. */
  readonly options?: string;
}

/** Says which files the folder of a training that ends here keeps, and how to go on or what is lost. */
export function interruptedText({
  folder,
  hasAutoencoder = true,
  saved,
  options = '',
  ...at
}: TrainingPlace): string {
  if (folder === undefined) return 'Stopped before the training began. Nothing has been written.';
  const { stage, step, totalSteps } = at;
  const place =
    stage === undefined
      ? 'before the first step'
      : `after step ${step} of ${totalSteps} of the ${stage}`;
  const files = Object.values(RUN_FILES).filter((file) => file !== RUN_FILES.state);
  const kept = files.filter((file) => existsSync(join(folder, file)));
  const stopped = `Stopped ${place}. ${folder} keeps ${kept.join(', ')}`;
  if (saved !== undefined) {
    return `${stopped}, and the state after step ${saved.step} of the ${saved.stage}. To go on: tessera train --resume ${asArgument(folder)}${options}`;
  }
  const lost = [
    ...(!hasAutoencoder || kept.includes(RUN_FILES.autoencoder) ? [] : ['autoencoder']),
    ...(kept.includes(RUN_FILES.model) ? [] : ['Diffusion Transformer']),
  ];
  const loss =
    lost.length === 0
      ? ''
      : ` The weights of the ${lost.join(' and the ')} are lost: no state has been saved.`;
  return `${stopped}.${loss} To start anew: tessera train --config ${asArgument(join(folder, RUN_FILES.config))}`;
}

/** A text as one argument of a shell. */
export function asArgument(text: string): string {
  return /^[\w./,:=@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** Ends the process with one line on stderr and the exit code of a signal. The cursor ends below the progress bar. */
export function endBySignal(progress: Progress, signal: EndSignal, text: string): Promise<never> {
  progress.stop();
  return new Promise(() => {
    process.stderr.write(`${text}\n`, () => process.exit(SIGNAL_CODES[signal]));
  });
}

/**
 * Ends the process at SIGINT or SIGTERM, as {@link endBySignal} does.
 *
 * @param text gives the line
 * @param defers whether the job ends itself soon, so that the signal does not
 * @returns a function that stops listening to the signals
 */
export function onInterrupt(
  progress: Progress,
  text: () => string,
  defers: (signal: EndSignal) => boolean = () => false,
): () => void {
  const end = (signal: EndSignal): void => {
    if (!defers(signal)) void endBySignal(progress, signal, text());
  };
  const signals = Object.keys(SIGNAL_CODES) as EndSignal[];
  for (const signal of signals) process.on(signal, end);
  return () => {
    for (const signal of signals) process.off(signal, end);
  };
}
