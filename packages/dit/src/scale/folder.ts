// The folder of a scaling study: its plan, what its cells share, and a small file for each cell.

import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseJson, ValueError } from '@tessera/tensor';
import * as v from 'valibot';
import { parseSchema } from '../config/schema.ts';
import { writeFileAtomic } from '../run/atomic-file.ts';
import { readWeights } from '../run/checkpoint.ts';
import { evaluationRowSchema, type EvaluationRow, type LookScores } from '../run/evaluation-log.ts';
import { nameFile } from '../run/file-error.ts';
import { oddField } from '../run/odd-field.ts';
import { readText } from '../run/read-text.ts';
import { filesIn } from '../run/run-folder.ts';
import { cellName, type Cell } from './grid.ts';
import { cellSchema, parsePlan, planValue, type Plan, type Recipe } from './recipe.ts';

/** The names of the files and folders of a study. */
export const SCALE_FILES = {
  plan: 'scale.json',
  /** The autoencoder of all cells. */
  autoencoder: 'autoencoder.safetensors',
  /** What real digits score, and what the autoencoder makes of them. */
  marks: 'marks.json',
  /** The scores of each cell. */
  cells: 'cells',
  /** The states of cells that are not finished. */
  states: 'states',
  results: 'results.json',
  report: 'report.md',
} as const;

/** What a cell has come to: the scores of its looks so far. */
export interface CellRecord {
  readonly cell: Cell;
  readonly looks: readonly EvaluationRow[];
}

/** What no model of the study should be expected to beat, with as many images as there are samples. */
export interface Marks {
  /** The SHA-256 of the autoencoder that they were measured with. */
  readonly autoencoder: string;
  /** The scores of training images. */
  readonly real: LookScores;
  /** The scores of training images that the autoencoder has encoded and decoded. */
  readonly rebuilt: LookScores;
}

/** Most bytes of a file of JSON: some thousand cells. */
const LARGEST = 2 ** 22;

const share = v.pipe(v.number(), v.minValue(0), v.maxValue(1));

const scoresSchema: v.GenericSchema<unknown, LookScores> = v.strictObject({
  accuracy: v.exactOptional(share),
  fcd: v.pipe(v.number(), v.finite()),
  precision: share,
  recall: share,
});

const marksSchema: v.GenericSchema<unknown, Marks> = v.strictObject({
  autoencoder: v.string(),
  real: scoresSchema,
  rebuilt: scoresSchema,
});

const recordSchema: v.GenericSchema<unknown, CellRecord> = v.strictObject({
  cell: cellSchema,
  looks: v.array(evaluationRowSchema),
});

/** Reads a file of JSON; `undefined` if there is none. */
async function readJson(path: string): Promise<unknown> {
  if (!existsSync(path)) return undefined;
  return parseJson(await readText('scale', path, LARGEST), 'scale', `${path}:`);
}

/** The text of a file of JSON. */
export function jsonText(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

/**
 * Reads the plan of a folder; `undefined` if the folder is new or empty.
 *
 * @throws ValueError if it holds something else; FormatError if the plan is damaged
 */
export async function readPlan(folder: string): Promise<Plan | undefined> {
  const path = join(folder, SCALE_FILES.plan);
  const value = await readJson(path);
  if (value !== undefined) return parsePlan(value, path);
  const files = await filesIn('scale', folder);
  if (files.length === 0) return undefined;
  throw new ValueError(
    'scale',
    `the folder ${folder} holds ${files.sort()[0]} and no ${SCALE_FILES.plan}. Name a new folder by --out, or one that tessera scale has filled.`,
  );
}

/**
 * Throws a ValueError that names the first field in which two recipes differ.
 *
 * @param folder the folder of the first
 * @param other what has the second, such as `this call`
 */
export function checkSameRecipe(
  { config, samples, looks }: Recipe,
  folder: string,
  second: Recipe,
  other: string,
): void {
  const [ours, theirs] = [
    { config, samples, looks },
    { config: second.config, samples: second.samples, looks: second.looks },
  ];
  const field = oddField(ours, theirs);
  if (field === undefined) return;
  const [here, there] = [ours, theirs].map((recipe) => JSON.stringify(valueAt(recipe, field)));
  throw new ValueError(
    'scale',
    `${folder} holds models of another recipe: ${field} is ${here} there, and ${there} in ${other}. Name another folder by --out, or leave the option out.`,
  );
}

/** The value at a path such as `config.steps`. */
function valueAt(root: object, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>(
      (value, name) =>
        typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined,
      root,
    );
}

/** Writes the plan, and makes the folders. */
export async function writePlan(folder: string, plan: Plan): Promise<void> {
  for (const part of [SCALE_FILES.cells, SCALE_FILES.states]) {
    const path = join(folder, part);
    try {
      await mkdir(path, { recursive: true });
    } catch (error) {
      throw nameFile('scale', path, 'written', error);
    }
  }
  await writeFileAtomic(join(folder, SCALE_FILES.plan), jsonText(planValue(plan)));
}

function cellPath(folder: string, cell: Cell): string {
  return join(folder, SCALE_FILES.cells, `${cellName(cell)}.json`);
}

/** The file of the state of a cell that is not finished. */
export function cellStatePath(folder: string, cell: Cell): string {
  return join(folder, SCALE_FILES.states, `${cellName(cell)}.safetensors`);
}

/**
 * Reads what a cell has come to; nothing if it has not begun.
 *
 * @throws FormatError if its file is damaged, or that of another cell
 */
export async function readCell(folder: string, cell: Cell): Promise<CellRecord | undefined> {
  const path = cellPath(folder, cell);
  const value = await readJson(path);
  if (value === undefined) return undefined;
  const record = parseSchema('scale', recordSchema, value, path);
  const found = cellName(record.cell);
  if (found === cellName(cell)) return record;
  throw new ValueError('scale', `${path} holds ${found}. Remove it.`);
}

/** Writes what a cell has come to. */
export async function writeCell(folder: string, record: CellRecord): Promise<void> {
  await writeFileAtomic(cellPath(folder, record.cell), jsonText(record));
}

/** Whether a cell has had its last look. */
export function isFinished(
  record: CellRecord | undefined,
  { config }: Recipe,
): record is CellRecord {
  return record?.looks.at(-1)?.step === config.steps;
}

/** The cells of a plan that are finished in a folder. */
export async function finishedCells(folder: string, plan: Plan): Promise<CellRecord[]> {
  const records = await Promise.all(plan.cells.map((cell) => readCell(folder, cell)));
  return records.filter((record) => isFinished(record, plan));
}

/** Reads the marks of a folder; `undefined` if they are not measured yet. */
export async function readMarks(folder: string): Promise<Marks | undefined> {
  const path = join(folder, SCALE_FILES.marks);
  const value = await readJson(path);
  return value === undefined ? undefined : parseSchema('scale', marksSchema, value, path);
}

/** Writes the marks. */
export async function writeMarks(folder: string, marks: Marks): Promise<void> {
  await writeFileAtomic(join(folder, SCALE_FILES.marks), jsonText(marks));
}

/** The SHA-256 of the autoencoder of a folder, in hexadecimal digits. */
export async function autoencoderHash(folder: string): Promise<string> {
  const bytes = await readWeights(join(folder, SCALE_FILES.autoencoder));
  return createHash('sha256').update(bytes).digest('hex');
}

/**
 * Throws a ValueError if the autoencoder of a folder is not the one that its models were trained with.
 */
export async function checkAutoencoder(folder: string): Promise<void> {
  const path = join(folder, SCALE_FILES.autoencoder);
  const marks = await readMarks(folder);
  if (marks === undefined || !existsSync(path)) return;
  if (marks.autoencoder === (await autoencoderHash(folder))) return;
  throw new ValueError(
    'scale',
    `${path} is not the autoencoder that the models of ${folder} were trained with. Name a new folder by --out.`,
  );
}

/** Removes the state of a cell that is finished. */
export async function removeState(folder: string, cell: Cell): Promise<void> {
  await rm(cellStatePath(folder, cell), { force: true });
}
