// How long a training step of each row takes: medians of rounds in which the rows take turns.

import type { Preset } from '@tessera/dit';
import { summarize } from '../compare/statistics.ts';
import type { OptionRow } from './rows.ts';
import { openRow, type Shared } from './train-row.ts';

/** Rounds in which every row has a turn. */
const ROUNDS = 3;

/** Timed steps of a turn, after one that compiles. */
const STEPS = 5;

/**
 * Milliseconds of a training step, by the row's name.
 *
 * All rows are timed before the first is trained. So the length of a training depends on what a step costs,
 * and not on what else the machine does during that training.
 */
export async function stepTimes(
  rows: readonly OptionRow[],
  preset: Preset,
  shared: Shared,
): Promise<Record<string, number>> {
  const times = new Map<string, number[]>(rows.map(({ name }) => [name, []]));
  for (let round = 0; round < ROUNDS; round++)
    for (const { name, configOf } of rows) {
      const row = { steps: 100, seed: 0 };
      const { start, step, batchAt } = openRow(configOf(preset), shared, row);
      let state = start();
      for (let i = 0; i <= STEPS; i++) {
        const batch = batchAt(i);
        const since = performance.now();
        const [next, metrics] = step(state, batch);
        state = next;
        await metrics.loss.item();
        if (i > 0) times.get(name)?.push(performance.now() - since);
      }
    }
  return Object.fromEntries([...times].map(([name, each]) => [name, summarize(each).median]));
}
