// How a training is scored along the way, as the command line asks for it.

import { ValueError } from '@tessera/tensor';
import type { TrainConfig } from '../../config/config.ts';
import type { DataSet } from '../../data/data-set.ts';
import type { Evaluations } from '../../train/evaluation/judge.ts';
import { checkRuler } from '../check-ruler.ts';
import { EVALUATED_SAMPLES, type StepArguments } from './step-options.ts';

/**
 * The evaluations that options ask for; `undefined` for none. The ruler is read here, so that a wrong one is refused
 * before the training.
 *
 * @throws ValueError if an option stands without `--evaluate-every`, or the ruler reads other images than the run's
 */
export async function evaluationsOf(
  args: Pick<StepArguments, 'evaluateEvery' | 'evaluateSamples' | 'ruler'>,
  config: TrainConfig,
  data: DataSet,
): Promise<Evaluations | undefined> {
  const { evaluateEvery: every, evaluateSamples: samples = EVALUATED_SAMPLES, ruler: path } = args;
  if (every === undefined) {
    const idle = args.ruler ?? args.evaluateSamples;
    if (idle === undefined) return undefined;
    const flag = args.ruler === undefined ? '--evaluate-samples' : '--ruler';
    throw new ValueError(
      'train',
      `${flag} ${idle}: it belongs to --evaluate-every, which is missing. Give both, or neither.`,
    );
  }
  const { LEAST_SAMPLES } = await import('../../evaluate/reference.ts');
  if (samples < LEAST_SAMPLES) {
    throw new ValueError(
      'train',
      `--evaluate-samples ${samples}: expected at least ${LEAST_SAMPLES}.`,
    );
  }
  if (data.kind === 'latents') {
    throw new ValueError(
      'train',
      `--evaluate-every ${every}: a ruler reads images, and the data are latents.`,
    );
  }
  const { readRuler } = await import('../../evaluate/ruler.ts');
  const { createJudge } = await import('../../evaluate/judge.ts');
  const { fittedData } = await import('../../train/run-data.ts');
  checkRuler((await readRuler(path)).card, config, 'this run is trained');
  return {
    every,
    // The weights of the ruler are made on the backend of the training.
    createJudge: async () =>
      createJudge(config.model, await readRuler(path), fittedData(config, data).test, samples),
  };
}
