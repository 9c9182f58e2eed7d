// `tessera evaluate`: how good a trained run is.

import { ValueError } from '@tessera/tensor';
import { IMAGE_SIZE, imageShapeOf } from '../config/autoencoder-config.ts';
import type { TrainConfig } from '../config/config.ts';
import { evaluateRun } from '../evaluate/evaluate-run.ts';
import { readRuler, type Ruler } from '../evaluate/ruler.ts';
import { fittedData, noImages, readConfigData } from '../train/run-data.ts';
import { withBackend } from '../run/backends.ts';
import { readRunConfig } from '../run/run-folder.ts';
import { readRun } from '../sample/sample-run.ts';
import type { EvaluateArguments } from './evaluate-options.ts';
import { evaluationText } from './evaluation-text.ts';
import { createProgress } from './progress.ts';

/**
 * Measures a run, and prints the scores.
 *
 * @param print writes one line to stdout
 * @throws ValueError if the ruler was trained on other data than the run
 */
export async function evaluateCommand(
  args: EvaluateArguments,
  print: (line: string) => void,
): Promise<void> {
  const { run: folder, samples, seeds, json = false } = args;
  const config = await readRunConfig(folder);
  const { guidance = [...new Set([1, config.sampling.guidance])] } = args;
  const progress = createProgress();
  try {
    await withBackend(config.backend, async (notice) => {
      const ruler = await readRuler(args.ruler);
      checkRuler(ruler, config, folder);
      const data = await readConfigData(config, false);
      if (data.kind === 'latents') throw noImages(config);
      const real = fittedData(config, data);
      const run = await readRun(folder);
      if (notice !== undefined) progress.notice(notice);
      let started = false;
      const evaluation = await evaluateRun(run, ruler, real, {
        samples,
        guidance,
        seeds,
        onProgress: ({ step, totalSteps }) => {
          if (!started) progress.stage('samples', totalSteps);
          started = true;
          progress.step(step, []);
        },
      });
      progress.stop();
      if (json) print(JSON.stringify({ run: folder, ruler: ruler.card, ...evaluation }));
      else for (const line of evaluationText(evaluation)) print(line);
    });
  } finally {
    progress.stop();
  }
}

/** Throws a ValueError unless the ruler reads images such as those of a run. */
function checkRuler({ card }: Ruler, config: TrainConfig, folder: string): void {
  const { size, channels } = imageShapeOf(config.autoencoder);
  const option = size === IMAGE_SIZE ? '' : ` --image-size ${size}`;
  const hint = `Make one with \`tessera ruler --data ${config.data}${option} --out FILE\`, and name it by --ruler.`;
  if (card.data !== config.data) {
    const problem = `the ruler was trained on ${card.data}, but ${folder} on ${config.data}.`;
    throw new ValueError('evaluate', `${problem} ${hint}`);
  }
  if (card.side !== size || card.channels !== channels) {
    const problem = `the ruler reads images of ${card.side}×${card.side} and ${card.channels} channels, but those of ${folder} are ${size}×${size} and ${channels}.`;
    throw new ValueError('evaluate', `${problem} ${hint}`);
  }
}
