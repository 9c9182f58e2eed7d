// The log of a run: one line of JSON for every step.

import { appendFile, open, truncate } from 'node:fs/promises';
import { checkOptions, FormatError, parseJson, StateError } from '@tessera/tensor';
import * as v from 'valibot';
import { STAGES, type TrainStage } from '../config/choices.ts';
import { checkFields, checkText } from '../config/argument-check.ts';
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
  /** Memory of the whole process in bytes; in the rows of some steps. */
  readonly memory?: number;
  /** The norms of each module at this step; in the rows of some steps. */
  readonly modules?: Readonly<Record<string, ModuleNorms>>;
}

/** Euclidean norms over the parameters of a part of a model. */
export interface ModuleNorms {
  /** Of the gradient, before clipping. */
  readonly gradNorm: number;
  /** Of the weights after the step. */
  readonly weightNorm: number;
  /** Of what the step changed of the weights. */
  readonly updateNorm: number;
}

/** Most bytes of a log that is read into memory: two million steps. */
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
  memory: v.exactOptional(number),
  modules: v.exactOptional(
    v.record(
      v.string(),
      v.strictObject({ gradNorm: number, weightNorm: number, updateNorm: number }),
    ),
  ),
});

/**
 * Appends one row to a log. The first row creates the file.
 *
 * @throws StateError if a number is not finite: the training has diverged; ValueError if the file cannot
 *   be written
 * @example
 * const row = { stage: 'diffusion', step: 1, loss: 1, gradNorm: 0.5, imagesPerSecond: 100 } as const;
 * await appendLogRow('log.jsonl', row);
 * await appendLogRow('log.jsonl', { ...row, loss: NaN }); // throws StateError
 */
export async function appendLogRow(path: string, row: LogRow): Promise<void> {
  checkText('appendLogRow', 'path', path);
  const fields = ['stage', 'step', 'loss', 'gradNorm', 'imagesPerSecond'] as const;
  checkOptions('appendLogRow', row, [...fields, 'memory', 'modules']);
  checkFields('appendLogRow', 'row', row, fields, 'Write a LogRow.');
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
 * The log of a running training. If the disk is full for a while, neither rows nor training are lost: rows
 * wait in memory and are written with the next ones.
 */
export class LogWriter {
  readonly #path: string;
  readonly #onNotice: (text: string) => void;
  #waiting: LogRow[] = [];
  /** Bytes of whole rows in the file. All characters are ASCII. */
  #size = 0;

  /**
   * @param path a file that does not exist yet, or one that {@link cutLog} has cut
   * @param onNotice called when rows cannot be written, once until they can again
   * @param size bytes that the file has
   */
  constructor(path: string, onNotice: (text: string) => void, size = 0) {
    this.#path = path;
    this.#onNotice = onNotice;
    this.#size = size;
  }

  /** Writes the rows that wait, then these. */
  async append(rows: readonly LogRow[]): Promise<void> {
    const begins = this.#waiting.length === 0;
    this.#waiting.push(...rows);
    if (this.#waiting.length === 0) return;
    try {
      this.#size += await appendLines(this.#path, this.#waiting);
      this.#waiting = [];
    } catch (error) {
      // A part of the rows may be in the file. It goes, because all of them are written again.
      await truncate(this.#path, this.#size).catch(() => undefined);
      if (begins) {
        this.#onNotice(`${problemOf(error)} The training goes on, and its log when it can.`);
      }
    }
  }

  /**
   * Writes the rows that wait, and flushes the file to the disk.
   *
   * @returns the bytes of the file; `undefined` if it cannot be written now
   */
  async flush(): Promise<number | undefined> {
    await this.append([]);
    if (this.#waiting.length > 0) return undefined;
    try {
      const file = await open(this.#path, 'a');
      try {
        await file.sync();
        return (await file.stat()).size;
      } finally {
        await file.close();
      }
    } catch {
      return undefined; // the next rows will say why
    }
  }
}

/**
 * Cuts a log to its first bytes: the rows after a saved state are written again. If it has fewer, they are all kept.
 *
 * @returns the bytes that it has now
 * @throws ValueError if the file cannot be written
 */
export async function cutLog(path: string, bytes: number): Promise<number> {
  try {
    const file = await open(path, 'a');
    try {
      const { size } = await file.stat();
      if (size > bytes) await file.truncate(bytes);
      return Math.min(size, bytes);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw nameFile('train', path, 'written', error);
  }
}

/** Reads one line. Throws a FormatError that names its place. */
function parseRow(line: string, where: string): LogRow {
  let value: unknown;
  try {
    value = parseJson(line, 'readLog', `${where}:`);
  } catch (error) {
    throw new FormatError('readLog', `${problemOf(error)} Was the run cut off? Delete the line.`);
  }
  return parseSchema('readLog', rowSchema, value, where);
}

/**
 * Reads a whole log.
 *
 * @param path the file `log.jsonl` of a run
 * @returns its rows in their order
 * @throws FormatError with file and line if a line is no row: mangled JSON, a missing or unknown field, a
 *   value that is not a finite number; ValueError if the file cannot be read
 * @example
 * const row = { stage: 'autoencoder', step: 1, loss: 1, gradNorm: 0.5, imagesPerSecond: 100 } as const;
 * await appendLogRow('autoencoder.jsonl', row);
 * (await readLog('autoencoder.jsonl'))[0].loss; // 1
 */
export async function readLog(path: string): Promise<LogRow[]> {
  checkText('readLog', 'path', path);
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
