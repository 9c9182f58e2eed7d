// The folder of drawn parts: a file for each job of an array, and how the files come together again.

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import {
  decodeSafetensors,
  excerpt,
  FormatError,
  ValueError,
  type SafetensorsFile,
} from '@tessera/tensor';
import { checkWritable, writeFileAtomic } from '../run/atomic-file.ts';
import { readWeights } from '../run/checkpoint.ts';
import { nameFile } from '../run/file-error.ts';
import { filesIn } from '../run/run-folder.ts';
import { encodeSealed, isWhole } from '../run/integrity/seal.ts';
import { shardName, unitsOf, type Shard, type Units } from './shard.ts';

/** What several jobs draw: sets of rows, and how each set is cut. */
export interface CutWork extends Units {
  /** The operation in errors. */
  readonly op: string;
  /** A hash of all that decides the rows. The parts of one work have the same. */
  readonly digest: string;
}

/** Rows of numbers, by the names of their sets: `[rows, length]` each, row-major. */
export type RowSets = ReadonlyMap<string, Float32Array>;

/** Mark of the files of parts. */
const FORMAT = 'tessera-part-1';

/** The file of a part, such as `parts/part-2-of-3.safetensors`. */
function partPath(folder: string, { index, count }: Shard): string {
  return join(folder, `part-${index}-of-${count}.safetensors`);
}

/** Makes the folder, and throws at once if the part cannot be written: drawing it may take hours. */
export async function checkPartFolder(op: string, folder: string, shard: Shard): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
  } catch (error) {
    throw nameFile(op, folder, 'written', error);
  }
  await checkWritable(partPath(folder, shard));
}

/** Writes the rows that a shard has drawn, and returns the file. A part that is there already gives way. */
export async function writePart(
  folder: string,
  { rows, digest, ...work }: CutWork,
  shard: Shard,
  sets: RowSets,
): Promise<string> {
  const own = rowsOf({ rows, ...work }, shard);
  const entries = [...sets].map(([name, data]) => {
    return [name, { dtype: 'float32', shape: [own, data.length / own], data }] as const;
  });
  const metadata = { format: FORMAT, shard: shardName(shard), rows: String(rows), digest };
  const path = partPath(folder, shard);
  await writeFileAtomic(path, encodeSealed(new Map(entries), metadata));
  return path;
}

/**
 * Puts the parts of a folder together.
 *
 * @param names of the sets
 * @returns all rows of each set
 * @throws ValueError if there are no parts, one is missing, or they are of another work; FormatError if one is damaged
 */
export async function mergeParts(
  folder: string,
  work: CutWork,
  names: readonly string[],
): Promise<RowSets> {
  const count = await partCount(folder, work);
  const whole = new Map<string, Float32Array>();
  for (let index = 1; index <= count; index++) {
    const shard = { index, count };
    const { tensors } = await readPart(folder, work, shard);
    for (const name of names) {
      const rows = rowsOfSet(work.op, tensors, name, rowsOf(work, shard), partPath(folder, shard));
      const length = rows.length / rowsOf(work, shard);
      const all = whole.get(name) ?? new Float32Array(work.rows * length);
      if (all.length !== work.rows * length) {
        throw new FormatError(
          work.op,
          `${partPath(folder, shard)}: a row of '${name}' has ${length} numbers, and ${all.length / work.rows} in the parts before. Draw the part anew.`,
        );
      }
      whole.set(name, all);
      placeRows(all, rows, work, shard, length);
    }
  }
  return whole;
}

/** Rows of a shard: all of its units, the last of which may be short. */
function rowsOf(work: Units, shard: Shard): number {
  return unitsOf(work, shard).reduce((sum, unit) => sum + unitRows(work, unit), 0);
}

function unitRows({ rows, unit }: Units, index: number): number {
  return Math.min(unit, rows - index * unit);
}

/** Copies the rows of a shard to their places among all. */
function placeRows(
  all: Float32Array,
  rows: Float32Array,
  work: CutWork,
  shard: Shard,
  length: number,
): void {
  let at = 0;
  for (const unit of unitsOf(work, shard)) {
    const end = at + unitRows(work, unit) * length;
    all.set(rows.subarray(at, end), unit * work.unit * length);
    at = end;
  }
}

/** How many parts a folder holds. Throws a ValueError unless all of them are there. */
async function partCount(folder: string, { op }: CutWork): Promise<number> {
  const found = (await filesIn(op, folder)).flatMap((file) => {
    const [, index, count] = /^part-(\d{1,6})-of-(\d{1,6})\.safetensors$/.exec(file) ?? [];
    return index === undefined ? [] : [{ index: Number(index), count: Number(count) }];
  });
  const counts = [...new Set(found.map(({ count }) => count))].sort((a, b) => a - b);
  if (counts.length === 0) {
    throw new ValueError(
      op,
      `${folder} holds no parts. Draw them by --shard 1/2 --out ${folder}, and so on.`,
    );
  }
  if (counts.length > 1) {
    throw new ValueError(
      op,
      `${folder} holds parts of ${counts.join(' and of ')}. Remove those that do not belong there.`,
    );
  }
  const [count] = counts;
  const known = new Set(found.map(({ index }) => index));
  const missing = [...new Array(count).keys()].map((i) => i + 1).filter((i) => !known.has(i));
  if (missing.length === 0) return count;
  throw new ValueError(
    op,
    `${folder} lacks ${missing.length} of ${count} parts, the first is ${missing[0]}. Draw it by --shard ${missing[0]}/${count} --out ${folder}.`,
  );
}

async function readPart(
  folder: string,
  { op, rows, digest }: CutWork,
  shard: Shard,
): Promise<SafetensorsFile> {
  const path = partPath(folder, shard);
  const bytes = await readWeights(path);
  if (!isWhole(bytes)) {
    throw new FormatError(
      op,
      `${path} is damaged, or no part of samples: its checksum is another one. Draw the part anew.`,
    );
  }
  const file = decodeSafetensors(bytes, path);
  const { format, shard: name, rows: all, digest: own } = file.metadata;
  if (format !== FORMAT) {
    throw new FormatError(
      op,
      `${path} is no part of samples: its format is ${excerpt(format ?? 'not said')}, expected ${FORMAT}.`,
    );
  }
  if (name !== shardName(shard)) {
    throw new ValueError(op, `${path} holds part ${excerpt(name)}. Give it its name back.`);
  }
  if (all !== String(rows) || own !== digest) {
    throw new ValueError(
      op,
      `${path} was drawn from another run, or with other options than these${all === String(rows) ? '' : `: it is of ${excerpt(all)} images, not ${rows}`}. Give the options of the parts, or draw them anew.`,
    );
  }
  return file;
}

/** The rows of a set in a part. Throws a FormatError unless there are as many as the part has, all finite. */
function rowsOfSet(
  op: string,
  tensors: SafetensorsFile['tensors'],
  name: string,
  expected: number,
  path: string,
): Float32Array {
  const { shape = [], data } = tensors.get(name) ?? {};
  if (!(data instanceof Float32Array) || shape.length !== 2 || shape[0] !== expected) {
    throw new FormatError(
      op,
      `${path}: '${name}' is ${data === undefined ? 'missing' : `[${shape.join(', ')}]`}, expected ${expected} rows of float32. Draw the part anew.`,
    );
  }
  const bad = data.findIndex((value) => !Number.isFinite(value));
  if (bad < 0) return data;
  throw new FormatError(
    op,
    `${path}: '${name}' holds ${data[bad]} at ${bad}, expected finite numbers. Draw the part anew.`,
  );
}
