// The scores of a model along its training: one line of JSON for each look.

import { existsSync } from 'node:fs';
import { parseJson } from '@tessera/tensor';
import * as v from 'valibot';
import { parseSchema } from '../config/schema.ts';
import { writeFileAtomic } from './atomic-file.ts';
import { readText } from './read-text.ts';

/** What a ruler says of the samples of a model in training. */
export interface LookScores {
  /** Share of the samples that are read as the class that was asked for; absent where none was. */
  readonly accuracy?: number;
  /** Fréchet distance from all test images in the features of the ruler: the smaller, the better. */
  readonly fcd: number;
  /** Share of the samples among the test images, and of the test images among the samples. */
  readonly precision: number;
  readonly recall: number;
}

/** One line of `evaluations.jsonl`. */
export interface EvaluationRow extends LookScores {
  /** The step after which the averaged weights were scored. */
  readonly step: number;
}

/** Most bytes of such a file: a hundred thousand looks. */
const LARGEST_LOG = 2 ** 24;

const share = v.pipe(v.number(), v.minValue(0), v.maxValue(1));

/** The schema of a line. */
export const evaluationRowSchema: v.GenericSchema<unknown, EvaluationRow> = v.strictObject({
  step: v.pipe(v.number(), v.integer('must be a whole number'), v.minValue(1)),
  accuracy: v.exactOptional(share),
  fcd: v.pipe(v.number(), v.finite()),
  precision: share,
  recall: share,
});

/**
 * Reads the scores of a run in their order; none if there is no file.
 *
 * @throws FormatError with file and line if a line is no row
 */
export async function readEvaluations(path: string): Promise<EvaluationRow[]> {
  if (!existsSync(path)) return [];
  const text = await readText('readEvaluations', path, LARGEST_LOG);
  return text.split('\n').flatMap((line, i) => {
    const where = `${path}:${i + 1}`;
    if (line === '') return [];
    const row = parseJson(line, 'train', `${where}:`);
    return [parseSchema('train', evaluationRowSchema, row, where)];
  });
}

/** Writes all scores of a run. */
export async function writeEvaluations(
  path: string,
  rows: readonly EvaluationRow[],
): Promise<void> {
  await writeFileAtomic(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
}
