// Measures a trained run on a ruler: its samples at some guidance scales, its predictions, its autoencoder.

import {
  checkFunction,
  checkList,
  checkOptions,
  compile,
  key,
  tensor,
  ValueError,
  type Tensor,
} from '@tessera/tensor';
import type { Autoencoder } from '../autoencoder/autoencoder.ts';
import { checkFields, checkFinite, checkText, checkWhole } from '../config/argument-check.ts';
import { codecName } from '../config/codec/codec-rules.ts';
import { LABEL } from '../config/condition.ts';
import type { TrainConfig } from '../config/config.ts';
import { trainedGuidance } from '../config/diffusion-config.ts';
import type { ModelConfig } from '../config/model-config.ts';
import { scalePixels } from '../data/batches.ts';
import { conditionTable } from '../data/condition-values.ts';
import { pixelCount, type AnnotatedImages, type ImageSet } from '../data/data-set.ts';
import { drawPart, drawSet, mergedSets, type SampleSet } from '../sample/output/drawn-parts.ts';
import type { TrainedRun } from '../sample/trained-run.ts';
import type { Shard } from '../shard/shard.ts';
import { denoisingErrors, type DenoisingError } from './denoising-error.ts';
import {
  checkReal,
  labelsOf,
  readReference,
  shareEqual,
  type Marks,
  type RealImages,
} from './reference.ts';
import { namesTold, setName, setsOf } from './requests.ts';
import { readImages, type Ruler } from './ruler.ts';
import { scoreSamples, type Scores } from './scores.ts';
import { estimate, MOST_MEASUREMENTS, type Estimate } from './student.ts';

/** How {@link evaluateRun} measures. */
export interface EvaluateOptions {
  /** Samples of each set. */
  readonly samples: number;
  /** Guidance scales, one set of samples or more for each. */
  readonly guidance: readonly number[];
  /** Sets for each scale, of the seeds 0, 1, …; two or more give confidence intervals. */
  readonly seeds: number;
  /** The conditions that samples are told, such as `['label']`. Default: all of the model. */
  readonly told?: readonly string[];
  /** The folder of all parts of the samples, which are measured in place of new ones; see {@link drawEvaluationPart}. */
  readonly merge?: string;
  readonly onProgress?: (progress: EvaluateProgress) => void;
}

/** How far an evaluation is. */
export interface EvaluateProgress {
  /** Denoising steps done, and all of them. */
  readonly step: number;
  readonly totalSteps: number;
}

/** Scores of the samples at one guidance scale: means over the seeds. */
export type GuidedScores = { readonly [Name in keyof Scores]: Estimate } & {
  readonly guidance: number;
};

/** What a ruler says of a run. */
export interface Evaluation {
  /** What real images and noise score. */
  readonly marks: Marks;
  /**
   * What the autoencoder makes of the test images: no sample should be expected to beat it. It is absent for a run on
   * pixels, which has none.
   */
  readonly autoencoder?: { readonly accuracy: number; readonly fcd: number };
  readonly samples: number;
  readonly guidance: readonly GuidedScores[];
  /** The guidance scale that a flow map was trained with; its samples take no other. */
  readonly trainedGuidance?: number;
  readonly denoising: readonly DenoisingError[];
}

/** Held-out latents that the denoising error is measured on, at most. */
const LATENTS = 1000;

/**
 * Measures a run beside real images: its samples, its predictions, and its autoencoder if it has one.
 *
 * @param real images of the data that run and ruler were trained on
 * @example
 * // not run: needs a trained run
 * const run = await readRun('runs/mnist');
 * const options = { samples: 2000, guidance: [1, 2], seeds: 1 };
 * const mnist = await loadMnist();
 * const [train, test] = [mnist.train, mnist.test].map((set) => ({ ...padImages(set, 32), labels: set.labels }));
 * const { guidance } = await evaluateRun(run, await readRuler(), { train, test }, options);
 * guidance[1].fcd.mean; // 4.1
 */
export async function evaluateRun(
  run: TrainedRun,
  ruler: Ruler,
  real: RealImages,
  options: EvaluateOptions,
): Promise<Evaluation> {
  checkEvaluate(run, ruler, real, options);
  const { samples, guidance, seeds, merge } = options;
  const sets = setsOf(run, real.test, options);
  const merged = merge === undefined ? undefined : await mergedSets(sets, merge);
  const reference = await readReference(ruler, real, samples, key(0));
  const { test } = reference;
  const rebuilt =
    run.autoencoder === undefined
      ? undefined
      : await readImages(ruler, await rebuiltImages(run.autoencoder, test));
  const trained = trainedGuidance(run.config.diffusion);
  const scores: GuidedScores[] = [];
  for (const scale of guidance) {
    const measured: Scores[] = [];
    for (let seed = 0; seed < seeds; seed++) {
      const name = setName(scale, seed);
      const images = merged?.get(name) ?? (await drawSet(sets, sets.sets.get(name) as SampleSet));
      measured.push(await scoreSamples(ruler, reference, images, sets.classes));
    }
    scores.push({ guidance: scale, ...meansOf(measured) });
  }
  return {
    marks: reference.marks,
    ...(rebuilt !== undefined && {
      autoencoder: {
        accuracy: shareEqual(rebuilt.classes, labelsOf(test)),
        fcd: reference.distance(rebuilt.features),
      },
    }),
    samples,
    guidance: scores,
    ...(trained !== undefined && { trainedGuidance: trained }),
    denoising: await heldOutErrors(run, test),
  };
}

/**
 * Draws a part of the samples that {@link evaluateRun} measures, for a job array, and writes it into a folder. Each
 * set is drawn by hundreds, of which a part has every `count`-th. When all parts are there, `evaluateRun` with
 * `merge` measures them: what one job would have measured on the same backend, to the bit.
 *
 * @param test test images of the data that the run was trained on, for the conditions that they show
 * @param options as for `evaluateRun`, without `merge`
 * @returns the file of the part
 * @throws ValueError if there are more parts than hundreds, or the folder cannot be written
 * @example
 * // not run: needs a trained run
 * const run = await readRun('runs/mnist');
 * const options = { samples: 10_000, guidance: [1, 2], seeds: 1 };
 * const { test } = await loadMnist();
 * const shard = { index: 2, count: 8 };
 * await drawEvaluationPart(run, { ...padImages(test, 32), labels: test.labels }, options, 'parts', shard);
 */
export function drawEvaluationPart(
  run: TrainedRun,
  test: AnnotatedImages,
  options: EvaluateOptions,
  folder: string,
  shard: Shard,
): Promise<string> {
  checkAsked('drawEvaluationPart', run, options);
  checkText('drawEvaluationPart', 'folder', folder);
  return drawPart({ ...setsOf(run, test, options), op: 'drawEvaluationPart' }, folder, shard);
}

function checkEvaluate(
  run: TrainedRun,
  ruler: Ruler,
  real: RealImages,
  options: EvaluateOptions,
): void {
  checkAsked('evaluateRun', run, options);
  checkReal('evaluateRun', ruler, real, options.samples);
}

/** Throws unless this is a run to measure, and these are options for it. */
function checkAsked(op: string, run: TrainedRun, options: EvaluateOptions): void {
  checkFields(op, 'run', run, ['draw', 'codec', 'config'], 'readRun gives one.');
  checkMeasurable(op, run.config);
  checkOptions(op, options, ['samples', 'guidance', 'seeds', 'told', 'merge', 'onProgress']);
  const { samples, guidance, seeds, told, merge, onProgress } = options;
  checkWhole(op, 'samples', samples, 1);
  if (merge !== undefined) checkText(op, 'merge', merge);
  checkList(op, 'guidance', guidance, '[1, 2]');
  for (const scale of guidance) checkFinite(op, 'guidance', scale);
  checkWhole(op, 'seeds', seeds, 1);
  if (seeds > MOST_MEASUREMENTS) {
    throw new ValueError(op, `seeds is ${seeds}, expected at most ${MOST_MEASUREMENTS}.`);
  }
  if (onProgress !== undefined) checkFunction(op, onProgress);
  if (told !== undefined) checkTold(op, told, run.config.model);
}

/** Throws a ValueError unless these are conditions of a model, and what they leave out can be left open. */
function checkTold(op: string, told: readonly string[], model: ModelConfig): void {
  checkList(op, 'told', told, "['label']");
  const known = namesTold(model);
  const unknown = told.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new ValueError(
      op,
      `told has '${unknown}', but the model can be told ${known.join(', ') || 'nothing'}. Name some of these.`,
    );
  }
  if (model.numClasses > 0 && model.classDropoutProb === 0 && !told.includes(LABEL)) {
    throw new ValueError(
      op,
      `told is ${told.join(', ')}, but this model was trained without a null class and must be told a label. Add ${LABEL}.`,
    );
  }
}

/** Throws a ValueError if a run was trained on given latents: a ruler reads images. */
export function checkMeasurable(op: string, config: TrainConfig): void {
  if (codecName(config) !== 'latents') return;
  throw new ValueError(
    op,
    'the run was trained on latents, and a ruler reads images. Draw latents by tessera sample, decode them, and measure the images.',
  );
}

/** The means of scores by name. A score that one set lacks all sets lack. */
function meansOf(sets: readonly Scores[]): { readonly [Name in keyof Scores]: Estimate } {
  const names = Object.keys(sets[0]) as (keyof Scores)[];
  const means = names.map((name) => [name, estimate(sets.map((set) => set[name] ?? NaN))]);
  return Object.fromEntries(means) as { readonly [Name in keyof Scores]: Estimate };
}

/** Images decoded at once. */
const CHUNK = 500;

/** The test images encoded and decoded again: `[count, channels, side, side]`. */
async function rebuiltImages(autoencoder: Autoencoder, set: ImageSet): Promise<Float32Array> {
  const rebuild = compile((model: Autoencoder, some: Tensor) =>
    model.decode(model.encode(some).mean),
  );
  const { images, count, rows, columns, channels = 1 } = set;
  const size = pixelCount(set);
  const rebuilt = new Float32Array(count * size);
  for (let start = 0; start < count; start += CHUNK) {
    const some = scalePixels(images.subarray(start * size, (start + CHUNK) * size));
    const batch = tensor(some, { shape: [some.length / size, channels, rows, columns] });
    const decoded = rebuild(autoencoder, batch);
    rebuilt.set(await decoded.data(), start * size);
    for (const done of [batch, decoded]) done.dispose();
  }
  return rebuilt;
}

/** The denoising errors of a run on latents of test images. */
async function heldOutErrors(run: TrainedRun, test: AnnotatedImages): Promise<DenoisingError[]> {
  const { config, codec, model } = run;
  const count = Math.min(LATENTS, test.count);
  const indices = Int32Array.from({ length: count }, (_, i) => i);
  const { mean } = (await codec.prepare(test, count)).gather(indices);
  return denoisingErrors(config, model, {
    latents: mean.mul(config.latentScale),
    conditioning: conditionTable(config.model, test).values(indices),
    key: key(1),
  });
}
