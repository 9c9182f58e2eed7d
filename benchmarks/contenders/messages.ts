// What the coordinator and a contender's process say to each other: one JSON object a line.

/**
 * What the coordinator and the process of a contender say to each other: one JSON object a line, over
 * stdin and stdout. A reply repeats the `id` of its request; other lines on stdout are a library's own.
 */

import type { Work } from '../works/works.ts';
import type { BackendName } from './contender.ts';

/** Imports the library and makes a work ready. */
export interface OpenRequest {
  readonly type: 'open';
  readonly work: Work;
  /** Where the arrays of the work lie. */
  readonly folder: string;
  readonly threads: number;
  readonly backend: BackendName;
}

/** Does the work `count` times. */
export interface RunRequest {
  readonly type: 'run';
  readonly count: number;
}

/** Asks for the check values and the memory, after which the process ends. */
export interface FinishRequest {
  readonly type: 'finish';
}

/** A request without its number. */
export type Request = OpenRequest | RunRequest | FinishRequest;

/** The replies by the type of the request. */
export interface Replies {
  readonly open: {
    readonly versions: Readonly<Record<string, string>>;
    /** Why the library cannot do this work, or is not here. */
    readonly cannot?: string;
    readonly absent?: string;
  };
  readonly run: {
    /** Milliseconds of one of the `count` runs. */
    readonly ms: number;
  };
  readonly finish: {
    readonly check: readonly number[];
    /** The most memory that the process had resident, in MB. */
    readonly rssMB: number;
  };
}
