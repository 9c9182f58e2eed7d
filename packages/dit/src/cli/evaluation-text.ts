// The scores of an evaluation as lines of text.

import type { Evaluation, GuidedScores } from '../evaluate/evaluate-run.ts';
import type { Estimate } from '../evaluate/student.ts';

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

function guidedRow(scores: GuidedScores): string {
  const share = (mean: number): string => (100 * mean).toFixed(1);
  return row(`guidance ${scores.guidance}`, [
    measured(scores.accuracy, share, ' %'),
    measured(scores.fcd, (mean) => mean.toFixed(2)),
    measured(scores.fcdUnbiased, (mean) => mean.toFixed(2)),
    measured(scores.precision, (mean) => mean.toFixed(3)),
    measured(scores.recall, (mean) => mean.toFixed(3)),
    measured(scores.nearest, (mean) => mean.toFixed(3)),
    measured(scores.copies, share, ' %'),
  ]);
}

/** The lines: a table of scores, what its columns mean, and the denoising error by timestep. */
export function evaluationText(evaluation: Evaluation): string[] {
  const { marks, autoencoder, samples, guidance, denoising } = evaluation;
  return [
    row(`${samples} samples`, TITLES),
    ...guidance.map(guidedRow),
    row('test images, rebuilt', [percent(autoencoder.accuracy), autoencoder.fcd.toFixed(2)]),
    row('test images', [percent(marks.accuracy), '0.00']),
    row(`${samples} training images`, ['', marks.floor.toFixed(2)]),
    row('noise', ['', marks.ceiling.toFixed(0)]),
    '',
    'FCD: squared Fréchet distance from the test images in the features of a LeNet. It is above 0 for',
    `any finite set: ${samples} images of the same kind have ${marks.floor.toFixed(2)}. FCD∞ estimates endless many samples.`,
    'Precision, recall: share of samples among test images, and the other way round (3 neighbours).',
    'Nearest: median distance to a training image. Copies: nearer than 1 % of test images are.',
    '',
    row('timesteps', ['error of eps']),
    ...denoising.map(({ from, to, epsMse }) => row(`${from} to ${to}`, [epsMse.toFixed(4)])),
  ];
}
