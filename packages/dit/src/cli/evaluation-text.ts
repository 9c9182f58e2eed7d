// The scores of an evaluation as lines of text.

import type { Evaluation, GuidedScores } from '../evaluate/evaluate-run.ts';
import type { ImageEvaluation } from '../evaluate/evaluate-images.ts';
import type { Marks } from '../evaluate/reference.ts';
import type { Scores } from '../evaluate/scores.ts';
import { estimate, type Estimate } from '../evaluate/student.ts';

/** The columns of the table after the first. */
const TITLES = ['read as asked', 'FCD', 'FCD∞', 'precision', 'recall', 'nearest', 'copies'];

/** The widths of the columns. */
const FIRST = 26;
const WIDTH = 15;

function row(name: string, cells: readonly string[]): string {
  return (name.padEnd(FIRST) + cells.map((cell) => cell.padStart(WIDTH)).join('')).trimEnd();
}

function percent(share: number): string {
  return `${(100 * share).toFixed(2)} %`;
}

/** A measurement, with its interval if there is one. */
function measured(value: Estimate | undefined, show: (mean: number) => string, unit = ''): string {
  if (value === undefined || Number.isNaN(value.mean)) return '–';
  const { mean, plusMinus } = value;
  return `${show(mean)}${plusMinus === undefined ? '' : ` ±${show(plusMinus)}`}${unit}`;
}

function scoreRow(name: string, scores: { readonly [Name in keyof Scores]: Estimate }): string {
  const share = (mean: number): string => (100 * mean).toFixed(1);
  return row(name, [
    measured(scores.accuracy, share, ' %'),
    measured(scores.fcd, (mean) => mean.toFixed(2)),
    measured(scores.fcdUnbiased, (mean) => mean.toFixed(2)),
    measured(scores.precision, (mean) => mean.toFixed(3)),
    measured(scores.recall, (mean) => mean.toFixed(3)),
    measured(scores.nearest, (mean) => mean.toFixed(3)),
    measured(scores.copies, share, ' %'),
  ]);
}

function guidedName({ guidance }: GuidedScores, trained: number | undefined): string {
  return trained === undefined ? `guidance ${guidance}` : `trained with guidance ${trained}`;
}

/** What real images score, for comparison. */
function markRows({ accuracy, floor, ceiling }: Marks, samples: number): string[] {
  return [
    row('test images', [percent(accuracy), '0.00']),
    row(`${samples} training images`, ['', floor.toFixed(2)]),
    row('noise', ['', ceiling.toFixed(0)]),
  ];
}

/** What the columns mean. */
function legend({ floor }: Marks, samples: number): string[] {
  return [
    'FCD: squared Fréchet distance from the test images in the features of a LeNet. It is above 0 for',
    `any finite set: ${samples} images of the same kind have ${floor.toFixed(2)}. FCD∞ estimates endless many samples.`,
    'Precision, recall: share of samples among test images, and the other way round (3 neighbours).',
    'Nearest: median distance to a training image. Copies: nearer than 1 % of test images are.',
  ];
}

/** The lines: a table of scores, what its columns mean, and the denoising error by timestep. */
export function evaluationText(evaluation: Evaluation): string[] {
  const { marks, autoencoder, samples, guidance, trainedGuidance, denoising } = evaluation;
  return [
    row(`${samples} samples`, TITLES),
    ...guidance.map((scores) => scoreRow(guidedName(scores, trainedGuidance), scores)),
    ...(autoencoder === undefined
      ? []
      : [row('test images, rebuilt', [percent(autoencoder.accuracy), autoencoder.fcd.toFixed(2)])]),
    ...markRows(marks, samples),
    '',
    ...legend(marks, samples),
    ...(autoencoder === undefined
      ? ['The run works on pixels: no autoencoder sets a floor to the distance of its samples.']
      : []),
    '',
    row('timesteps', ['error of eps']),
    ...denoising.map(({ from, to, epsMse }) => row(`${from} to ${to}`, [epsMse.toFixed(4)])),
  ];
}

/** The same for images from files: they have no guidance, no autoencoder, and no model that predicts. */
export function imageEvaluationText({ marks, samples, scores }: ImageEvaluation): string[] {
  const single = Object.entries(scores).map(([name, value]) => [name, estimate([value as number])]);
  const estimates = Object.fromEntries(single) as { readonly [Name in keyof Scores]: Estimate };
  return [
    row(`${samples} images`, TITLES),
    scoreRow('of these files', estimates),
    ...markRows(marks, samples),
    '',
    ...legend(marks, samples),
  ];
}
