// `tessera evaluate`: how good a trained run is.

import { ValueError } from '@tessera/tensor';
import { loadMnist } from '../data/mnist.ts';
import { evaluateRun } from '../evaluate/evaluate-run.ts';
import { readRuler } from '../evaluate/ruler.ts';
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
      if (ruler.card.data !== config.data) {
        throw new ValueError(
          'evaluate',
          `the ruler was trained on ${ruler.card.data}, but ${folder} on ${config.data}. Make one with \`tessera ruler --data ${config.data} --out FILE\`, and name it by --ruler.`,
        );
      }
      const real = await loadMnist({ dir: config.data });
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
