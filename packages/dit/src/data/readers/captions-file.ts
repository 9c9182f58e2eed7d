// `captions.csv`: the captions and labels of a folder of images.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parse, CsvError } from 'csv-parse/sync';
import { excerpt, FormatError } from '@tessera/tensor';
import { readText } from '../../run/read-text.ts';

/** One row: an image, and what is said of it. */
export interface CaptionRow {
  /** The path of the image in the folder. */
  readonly file: string;
  readonly caption?: string;
  readonly label?: string;
  /** The line in the file, from 1. */
  readonly line: number;
}

/** The rows of a file of captions. */
export interface CaptionsFile {
  readonly path: string;
  readonly rows: readonly CaptionRow[];
  /** Columns that have no meaning here. */
  readonly otherColumns: readonly string[];
}

/** The names of the file, in the order in which they are looked for. */
const NAMES = ['captions.csv', 'metadata.csv'];

/** The names that a column may have. */
const COLUMNS = {
  file: ['file', 'file_name', 'filename', 'image', 'path'],
  caption: ['caption', 'text', 'prompt'],
  label: ['label', 'class', 'category'],
} as const;

/** Most bytes of the file: two million captions. */
const LARGEST = 2 ** 28;

/** The path of the file of captions in a folder; `undefined` if there is none. */
export function findCaptions(folder: string): string | undefined {
  return NAMES.map((name) => join(folder, name)).find((path) => existsSync(path));
}

/** A row of cells, and the line on which it ends. */
interface Row {
  readonly record: readonly string[];
  readonly line: number;
}

/** Cuts the text into cells. Throws a FormatError with the line of the fault. */
function parseRows(text: string, path: string): readonly Row[] {
  try {
    const rows: Row[] = [];
    parse(text, {
      bom: true,
      skip_empty_lines: true,
      trim: true,
      on_record: (record: readonly string[], { lines }) => {
        rows.push({ record, line: lines });
        return null;
      },
    });
    return rows;
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const { lines } = error as unknown as { readonly lines?: number };
    const problem = error.message.replace(/ (?:on|at) line \d+.*$/, '');
    throw new FormatError('readData', `${path}:${lines ?? 1}: ${excerpt(problem, 200)}.`);
  }
}

/**
 * Reads a file of captions. Its first line names the columns: `file`, and `caption` or `label` or both.
 *
 * @throws FormatError with file and line; ValueError if it cannot be read
 */
export async function readCaptions(path: string): Promise<CaptionsFile> {
  const [head, ...body] = parseRows(await readText('readData', path, LARGEST), path);
  if (head === undefined) {
    throw new FormatError('readData', `${path}: it is empty, expected a first line file,caption.`);
  }
  const names = head.record.map((name) => name.toLowerCase());
  const column = (kind: keyof typeof COLUMNS): number =>
    names.findIndex((name) => (COLUMNS[kind] as readonly string[]).includes(name));
  const [file, caption, label] = [column('file'), column('caption'), column('label')];
  if (file === -1 || (caption === -1 && label === -1)) {
    throw new FormatError(
      'readData',
      `${path}:1: the columns are ${excerpt(names.join(', '), 200)}, expected file and caption, or label: file,caption,label.`,
    );
  }
  if (body.length === 0) {
    throw new FormatError('readData', `${path}: there are no rows below the first line.`);
  }
  return {
    path,
    rows: body.map(({ record, line }) => ({
      file: record[file],
      ...(caption !== -1 && { caption: record[caption] }),
      ...(label !== -1 && { label: record[label] }),
      line,
    })),
    otherColumns: names.filter((_, i) => ![file, caption, label].includes(i)),
  };
}
