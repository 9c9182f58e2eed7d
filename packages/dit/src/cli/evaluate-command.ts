// `tessera evaluate`: how good a trained run is, or the samples of another program.

import { ValueError } from '@tessera/tensor';
import { DEFAULT_BACKEND, DEFAULT_PRESET } from '../config/choices.ts';
import { presetConfig } from '../config/presets.ts';
import { readData } from '../data/read-data.ts';
import { evaluateImages, imagesForRuler } from '../evaluate/evaluate-images.ts';
import {
  checkMeasurable,
  drawEvaluationPart,
  evaluateRun,
  type EvaluateProgress,
} from '../evaluate/evaluate-run.ts';
import { readRuler } from '../evaluate/ruler.ts';
import { readFittedRun } from '../train/fit-config.ts';
import { fittedData, imageUnit, noImages, readConfigData } from '../train/run-data.ts';
import { withBackend } from '../run/backends.ts';
import { readRunConfig, SHIPPED_RUN } from '../run/run-folder.ts';
import { readRun } from '../sample/sample-run.ts';
import type { Shard } from '../shard/shard.ts';
import { checkRuler } from './check-ruler.ts';
import type { EvaluateArguments } from './evaluate-options.ts';
import { evaluationText, imageEvaluationText } from './evaluation-text.ts';
import { createProgress, type Progress } from './progress.ts';
import { shippedNotice } from './shipped-notice.ts';

/** Writes one line to stdout. */
type Print = (line: string) => void;

/**
 * Measures a run, or images, and prints the scores. If neither is named, it measures the shipped weights.
 *
 * @throws ValueError if the ruler was trained on other data than the run
 */
export async function evaluateCommand(args: EvaluateArguments, print: Print): Promise<void> {
  const { images } = args;
  const progress = createProgress();
  try {
    if (images !== undefined) await evaluateFiles({ ...args, images }, progress, print);
    else await evaluateFolder(args, progress, print);
  } finally {
    progress.stop();
  }
}

async function evaluateFolder(
  args: EvaluateArguments,
  progress: Progress,
  print: Print,
): Promise<void> {
  const { run: folder = SHIPPED_RUN, samples, seeds, merge, json = false } = args;
  const part = partOf(args);
  const config = await readRunConfig(folder);
  if (args.run === undefined) progress.notice(shippedNotice(config));
  checkMeasurable('evaluate', config);
  const { guidance = [...new Set([1, config.sampling.guidance])], told } = args;
  await withBackend(config.backend, async (notice) => {
    const ruler = part === undefined ? await readRuler(args.ruler) : undefined;
    if (ruler !== undefined) checkRuler(ruler.card, config, folder);
    const data = await readConfigData(config, false);
    if (data.kind === 'latents') throw noImages(config);
    const real = fittedData(config, data);
    const run = await readRun(folder);
    if (notice !== undefined) progress.notice(notice);
    let started = false;
    const options = {
      samples,
      guidance,
      seeds,
      ...(told !== undefined && { told }),
      onProgress: ({ step, totalSteps }: EvaluateProgress): void => {
        if (!started) progress.stage('samples', totalSteps);
        started = true;
        progress.step(step, []);
      },
    };
    if (part !== undefined) {
      const file = await drawEvaluationPart(run, real.test, options, part.out, part.shard);
      progress.stop();
      print(`Samples: ${file}`);
    }
    if (ruler === undefined) return;
    const evaluation = await evaluateRun(run, ruler, real, {
      ...options,
      ...(merge !== undefined && { merge }),
    });
    progress.stop();
    const asked = told === undefined ? {} : { told };
    if (json) print(JSON.stringify({ run: folder, ...asked, ruler: ruler.card, ...evaluation }));
    else for (const line of evaluationText(evaluation)) print(line);
  });
}

/** The part that is asked for; none if all samples are to be measured. */
function partOf({ shard, out }: EvaluateArguments): { shard: Shard; out: string } | undefined {
  if (shard !== undefined && out !== undefined) return { shard, out };
  if (shard === undefined && out === undefined) return undefined;
  const [given, other] = shard === undefined ? ['--out', '--shard'] : ['--shard', '--out'];
  throw new ValueError(
    'evaluate',
    `${given} goes with ${other}, which is missing. Give both, or neither.`,
  );
}

/** Scores images that lie in files, beside those that the ruler was trained on. */
async function evaluateFiles(
  args: EvaluateArguments & { readonly images: string },
  progress: Progress,
  print: Print,
): Promise<void> {
  const { images: path, json = false } = args;
  await withBackend(DEFAULT_BACKEND, async (notice) => {
    const ruler = await readRuler(args.ruler);
    const { data: source, side: size } = ruler.card;
    const channels = ruler.card.channels === 3 ? 3 : 1;
    const { config, data } = await readFittedRun(presetConfig(DEFAULT_PRESET, { data: source }), {
      needsLabels: true,
      fits: true,
      imageSize: size,
      imageChannels: channels,
    });
    if (data.kind === 'latents') throw noImages(config);
    const unit = imageUnit(config);
    const found = await readData(path, { size, unit, channels });
    if (found.kind === 'latents') throw noImages({ data: path });
    const fitted = imagesForRuler(path, found, ruler.card, unit, data);
    const { notes, ...readable } = fitted;
    for (const note of notice === undefined ? notes : [notice, ...notes]) progress.notice(note);
    const evaluation = await evaluateImages(readable, ruler, fittedData(config, data));
    if (json) print(JSON.stringify({ images: path, ruler: ruler.card, ...evaluation }));
    else for (const line of imageEvaluationText(evaluation)) print(line);
  });
}
