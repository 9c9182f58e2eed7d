// `tessera sample`: from options to a picture.

import { ValueError } from '@tessera/tensor';
import type { TrainConfig } from '../config/config.ts';
import { readRunConfig } from '../run/run-folder.ts';
import type { SampleOptions } from '../sample/options.ts';
import { onInterrupt } from './interrupt.ts';
import type { SampleArguments } from './program.ts';
import { createProgress } from './progress.ts';

/**
 * Fills what the command line leaves out from the run's configuration, and checks the rest against it.
 *
 * @throws ValueError for a label that the model does not know, or more steps than it has timesteps
 */
export function completeSampleOptions(args: SampleArguments, config: TrainConfig): SampleOptions {
  const { numClasses } = config.model;
  const { timesteps } = config.diffusion;
  const {
    labels = Array.from({ length: numClasses }, (_, label) => label),
    guidance = config.sampling.guidance,
    sampler = config.sampling.sampler,
    steps = Math.min(config.sampling.steps, timesteps),
  } = args;
  const unknown = labels.find((label) => label >= numClasses);
  if (unknown !== undefined) {
    throw new ValueError(
      'sample',
      `the label ${unknown} is unknown: this run has the classes 0 to ${numClasses - 1}.`,
    );
  }
  if (steps > timesteps) {
    throw new ValueError(
      'sample',
      `${steps} denoising steps are more than the ${timesteps} timesteps of this run.`,
    );
  }
  const { run, seed, out, backend } = args;
  const options = { run, labels, guidance, sampler, steps, seed, out };
  return backend === undefined ? options : { ...options, backend };
}

/** Draws as the options say, and shows how far it is. */
export async function sampleCommand(args: SampleArguments): Promise<void> {
  const options = completeSampleOptions(args, await readRunConfig(args.run));
  const { sampleRun } = await import('../sample/sample-run.ts');
  const progress = createProgress();
  const restore = onInterrupt(progress, () => 'Stopped. Nothing has been written.');
  let staged = false;
  try {
    await sampleRun({
      ...options,
      onNotice: (text) => {
        progress.notice(text);
      },
      onProgress: ({ step, totalSteps }) => {
        if (!staged) progress.stage('sampling', totalSteps);
        staged = true;
        progress.step(step, []);
      },
    });
  } finally {
    restore();
    progress.stop();
  }
  process.stdout.write(`Samples: ${options.out}\n`);
}
