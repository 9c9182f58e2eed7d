// What a contender is: the one interface behind which every library is measured.

import type { Arrays } from '../works/arrays.ts';
import type { Work } from '../works/works.ts';

/** A work made ready by a contender. */
export interface Task {
  /** Does the work once; what it gives (or the promise of it) is there when the result is. */
  run(): unknown;
  /**
   * Numbers that must agree between contenders: the losses of the first steps, or the
   * {@link magnitude} of every result.
   */
  check(): readonly number[] | Promise<readonly number[]>;
}

/** A library that can do works. */
export interface Contender {
  /** Versions of what it is made of, by name. */
  readonly versions: Readonly<Record<string, string>>;
  /** Makes a work ready. Throws a {@link CannotError} if this library cannot do it. */
  prepare(work: Work, arrays: Arrays): Task | Promise<Task>;
}

/** A backend of Tessera. */
export type BackendName = 'wasm' | 'cpu';

/** How a contender is opened. */
export interface ContenderOptions {
  readonly threads: number;
  /** Of Tessera alone. */
  readonly backend: BackendName;
}

/** Opens a contender: imports its library and sets its threads. */
export type OpenContender = (options: ContenderOptions) => Promise<Contender>;

/** Says that a contender cannot do a work, and why. */
export class CannotError extends Error {
  override readonly name = 'CannotError';
}

/** Says that a library is not installed. */
export class AbsentError extends Error {
  override readonly name = 'AbsentError';
}

/**
 * Imports a peer by name.
 *
 * @throws AbsentError if it, or a package that it needs, is not installed
 */
export async function importPeer(name: string): Promise<unknown> {
  try {
    return (await import(name)) as unknown;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code !== 'ERR_MODULE_NOT_FOUND' && code !== 'MODULE_NOT_FOUND') throw error;
    throw new AbsentError(`${name} is not installed`);
  }
}

/**
 * `∛(mean |x|³)`: one number for an array, the same for every order of its elements. The third power,
 * since softmax fixes the mean and layer normalization the mean square.
 */
export function magnitude(data: Iterable<number> & { readonly length: number }): number {
  let sum = 0;
  for (const x of data) sum += Math.abs(x) ** 3;
  return Math.cbrt(sum / data.length);
}
