// The log of a run: one line of JSON for every step.

import { appendFile, truncate } from 'node:fs/promises';
import { FormatError, StateError } from '@tessera/tensor';
import * as v from 'valibot';
import { STAGES, type TrainStage } from '../config/choices.ts';
import { checkNames } from '../config/json.ts';
import { parseSchema } from '../config/schema.ts';
import { nameFile, problemOf } from './file-error.ts';
import { readText } from './read-text.ts';

/** One line of `log.jsonl`. */
export interface LogRow {
  /** Which of the two trainings. */
  readonly stage: TrainStage;
  /** Number of the step in its stage, from 1. */
  readonly step: number;
  readonly loss: number;
  /** Global norm of the gradient before clipping. */
  readonly gradNorm: number;
  readonly imagesPerSecond: number;
}

/** A log of two million steps has this many bytes; a larger one is not read into memory. */
const LARGEST_LOG = 2 ** 28;

const number = v.pipe(v.number(), v.finite());

const rowSchema: v.GenericSchema<unknown, LogRow> = v.strictObject({
  stage: v.picklist(STAGES),
  step: v.pipe(
    v.number(),
    v.integer('must be a whole number'),
    v.minValue(1, 'must be at least 1'),
  ),
  loss: number,
  gradNorm: number,
  imagesPerSecond: number,
});

/**
 * Appends one row to a log, which is created with its first row.
 *
 * @throws StateError if a number is not finite: the training has diverged
 * @example
 * const row = { stage: 'diffusion', step: 1, loss: 1, gradNorm: 0.5, imagesPerSecond: 100 } as const;
 * await appendLogRow('log.jsonl', row);
 * await appendLogRow('log.jsonl', { ...row, loss: NaN }); // throws StateError
 */
export async function appendLogRow(path: string, row: LogRow): Promise<void> {
  for (const [field, value] of Object.entries(row)) {
    if (typeof value === 'number' && !Number.isFinite(value)) {
      throw new StateError(
        'appendLogRow',
        `${field} is ${value} at step ${row.step} of the ${row.stage}: the training has diverged. Lower the learning rate.`,
      );
    }
  }
  await appendLines(path, [row]);
}

/** Appends rows, one a line. */
async function appendLines(path: string, rows: readonly LogRow[]): Promise<number> {
  const text = rows.map((row) => `${JSON.stringify(row)}\n`).join('');
  try {
    await appendFile(path, text);
  } catch (error) {
    throw nameFile('appendLogRow', path, 'written', error);
  }
  return text.length;
}

/**
 * The log of a training under way. A disk that is full for a while costs no row and no training: what
 * cannot be written is kept, and written with the next rows.
 */
export class LogWriter {
  readonly #path: string;
  readonly #onNotice: (text: string) => void;
  #waiting: LogRow[] = [];
  /** Bytes of whole rows in the file, all of which are ASCII. */
  #size = 0;

  /**
   * @param path a file that is not there yet
   * @param onNotice is told when rows cannot be written, once each time that this begins
   */
  constructor(path: string, onNotice: (text: string) => void) {
    this.#path = path;
    this.#onNotice = onNotice;
  }

  /** Writes rows, and before them those that are waiting. */
  async append(rows: readonly LogRow[]): Promise<void> {
    const begins = this.#waiting.length === 0;
    this.#waiting.push(...rows);
    if (this.#waiting.length === 0) return;
    try {
      this.#size += await appendLines(this.#path, this.#waiting);
      this.#waiting = [];
    } catch (error) {
      // A part of the rows may be there: they will be written again as a whole.
      await truncate(this.#path, this.#size).catch(() => undefined);
      if (begins) {
        this.#onNotice(`${problemOf(error)} The training goes on, and its log when it can.`);
      }
    }
  }
}

/** Reads one line, or says what is wrong with it. */
function parseRow(line: string, where: string): LogRow {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new FormatError(
      'readLog',
      `${where}: not a line of JSON. Was the run cut off? Delete the line.`,
    );
  }
  checkNames('readLog', line, where);
  return parseSchema('readLog', rowSchema, value, where);
}

/**
 * Reads a whole log.
 *
 * @param path the file `log.jsonl` of a run
 * @returns its rows in their order
 * @throws FormatError naming file and line for a line that is not a row: mangled JSON, a missing or
 *   unknown field, a value that is not a finite number; ValueError if the file cannot be read
 * @example
 * const row = { stage: 'autoencoder', step: 1, loss: 1, gradNorm: 0.5, imagesPerSecond: 100 } as const;
 * await appendLogRow('autoencoder.jsonl', row);
 * (await readLog('autoencoder.jsonl'))[0].loss; // 1
 */
export async function readLog(path: string): Promise<LogRow[]> {
  const text = await readText('readLog', path, LARGEST_LOG);
  const lines = text.split('\n');
  if (lines.pop() !== '') {
    throw new FormatError(
      'readLog',
      `${path}:${lines.length + 1}: the line does not end. Was the run cut off? Delete the line.`,
    );
  }
  return lines.map((line, i) => parseRow(line, `${path}:${i + 1}`));
}
