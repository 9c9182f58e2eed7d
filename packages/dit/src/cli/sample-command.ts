// `tessera sample`: from options to a picture.

import { ValueError } from '@tessera/tensor';
import type { TrainConfig } from '../config/config.ts';
import { readRunConfig } from '../run/run-folder.ts';
import type { SampleOptions } from '../sample/options.ts';
import { onInterrupt } from './interrupt.ts';
import type { SampleArguments } from './program.ts';
import { createProgress } from './progress.ts';

/**
 * Takes options that the command line leaves out from the run's configuration, and checks the others
 * against it.
 *
 * @throws ValueError if the run is not trained to its end, or does not fit the labels, the guidance or the
 *   steps
 */
export function completeSampleOptions(args: SampleArguments, config: TrainConfig): SampleOptions {
  const { numClasses, classDropoutProb } = config.model;
  const { timesteps } = config.diffusion;
  if (config.latentScale === undefined) {
    throw new ValueError(
      'sample',
      `--run ${args.run}: the run has no trained autoencoder yet. Train it to its end first, or name another.`,
    );
  }
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
      `--labels ${labels.join(',')}: there is no class ${unknown}, expected 0 to ${numClasses - 1}. Leave --labels out for every class.`,
    );
  }
  if (steps > timesteps) {
    throw new ValueError(
      'sample',
      `--steps ${steps}: expected at most the ${timesteps} timesteps of this run. Choose fewer.`,
    );
  }
  if (guidance !== 1 && classDropoutProb === 0) {
    throw new ValueError(
      'sample',
      `--guidance ${guidance}: expected 1, because this run was trained without a null class (model.classDropoutProb is 0). Use --guidance 1.`,
    );
  }
  const { run, seed, out, backend } = args;
  const options = { run, labels, guidance, sampler, steps, seed, out };
  return backend === undefined ? options : { ...options, backend };
}

/** Draws with these options, and shows the progress. */
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
