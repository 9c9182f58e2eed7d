// What the measurement of data-parallel training writes, and the commands' own settings.

import type { Machine } from '../compare/result.ts';
import type { Compute } from './cost-model.ts';
import type { ModelSize } from './models.ts';
import type { Limit } from './network.ts';
import type { RanksRun } from './ranks.ts';

/** What phases.py prints: seconds, and bytes in the order of the backward pass. */
export interface Phases extends Compute {
  readonly parameters: readonly number[];
  readonly buckets: readonly number[];
  readonly torch: string;
}

/** Runs of some ranks over one kind of network. */
export interface Measured extends RanksRun {
  readonly ranks: number;
  readonly network: 'bridge' | 'relay';
}

/** The file of a measurement. */
export interface Results {
  readonly date: string;
  readonly machine: Machine;
  /** Mean number of processes that wanted a processor over the 15 minutes before the end, those of the ranks included. */
  readonly load: number;
  /** Samples a step in each rank. */
  readonly local: number;
  readonly phases: Phases;
  readonly runs: readonly Measured[];
  /** What the predictions are about. */
  readonly models: readonly ModelSize[];
}

const Mbit = 1e6;

/** No limit: what a step takes here without a network. Every table is compared with it. */
const FREE: Limit = { bitsPerSecond: null, delayMs: 0 };

/** The limits of each kind of network, the free one first. */
export const LIMITS: Readonly<Record<Measured['network'], readonly Limit[]>> = {
  bridge: [FREE, ...[1000, 500].map((n) => ({ bitsPerSecond: n * Mbit, delayMs: 0 }))],
  relay: [0, 10].map((delayMs) => ({ bitsPerSecond: 1000 * Mbit, delayMs })),
};
