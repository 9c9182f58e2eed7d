// What a reader of one format takes and gives, and the list of bad files that all readers keep.

import { excerpt, FormatError } from '@tessera/tensor';
import { problemOf } from '../../run/file-error.ts';
import type { BadFile, DataSet } from '../data-set.ts';

/** How a data set is read. */
export interface ReadOptions {
  /**
   * Side of the square that images of several sizes are fitted into while they are read. Without it they are
   * refused.
   */
  readonly size?: number;
  /** What the side of the square is a multiple of, so that smaller borders are padded. */
  readonly unit: number;
  /** Makes all images grey (1) or colour (3). Without it both kinds together are refused. */
  readonly channels?: 1 | 3;
  /** Leaves bad files out, in place of an error. */
  readonly skipBad: boolean;
}

/** Reads the data sets of one format. */
export interface Reader {
  /** Whether the path, which exists, is one for this reader. */
  accepts(path: string): boolean | Promise<boolean>;
  /**
   * Reads a whole data set.
   *
   * @throws ValueError or FormatError in one line, with the name of the file
   */
  read(path: string, options: ReadOptions): Promise<DataSet>;
}

/** Most bad files of an error that have their names in it. */
const NAMED = 3;

/** The bad files of a data set. They are collected to its end, so that one error speaks of all. */
export class BadFiles {
  readonly files: BadFile[] = [];
  readonly #skip: boolean;

  constructor(skip: boolean) {
    this.#skip = skip;
  }

  add(path: string, problem: string): void {
    this.files.push({ path, problem });
  }

  /** Calls `read`, and notes an error of it as that of the file. */
  async attempt<T>(path: string, read: () => Promise<T>): Promise<T | undefined> {
    try {
      return await read();
    } catch (error) {
      const problem = problemOf(error);
      this.add(path, problem.startsWith(`${path}: `) ? problem.slice(path.length + 2) : problem);
      return undefined;
    }
  }

  /** Throws a FormatError if there are bad files and they must not be left out. */
  check(total: number): void {
    const [first, ...others] = this.files;
    if (this.#skip || first === undefined) return;
    const names = others.slice(0, NAMED - 1).map(({ path }) => path);
    const more = others.length - names.length;
    const also =
      others.length === 0
        ? ''
        : ` ${others.length} more of ${total} files are bad: ${names.join(', ')}${more > 0 ? ', …' : ''}.`;
    throw new FormatError(
      'readData',
      `${first.path}: ${excerpt(first.problem, 300)}${also} Mend it, or leave it out by --skip-bad.`,
    );
  }
}
