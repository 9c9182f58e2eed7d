// A part of some work, such as the second of three, for a job array whose jobs do not talk to each other.

import { checkOptions, ValueError } from '@tessera/tensor';
import { checkFields, checkWhole } from '../config/argument-check.ts';

/** A part of some work: the `index`-th of `count`, from 1. */
export interface Shard {
  readonly index: number;
  readonly count: number;
}

/** The items of a shard: every `count`-th, so that each has cheap ones and dear ones of a list that is sorted by cost. */
export function shardOf<T>(items: readonly T[], { index, count }: Shard): readonly T[] {
  return items.filter((_, i) => i % count === index - 1);
}

/** The name of a shard as the command line takes it, such as `2/3`. */
export function shardName({ index, count }: Shard): string {
  return `${index}/${count}`;
}

/** Throws a ValueError unless `value` is a part of a whole. */
function checkShard(op: string, value: unknown): void {
  checkFields(op, 'shard', value, ['index', 'count'], 'Give { index: 2, count: 3 }.');
  checkOptions(op, value as Shard, ['index', 'count']);
  const { index, count } = value as Shard;
  checkWhole(op, 'shard.count', count, 1);
  checkWhole(op, 'shard.index', index, 1);
  if (index <= count) return;
  throw new ValueError(op, `shard.index is ${index}, expected at most the count, ${count}.`);
}

/** How rows are cut. */
export interface Units {
  /** How many there are in all. */
  readonly rows: number;
  /** Rows that are computed together, so that no bit of them depends on the cut. */
  readonly unit: number;
}

/** The units of a shard, by their numbers. The last unit of all may be short. */
export function unitsOf({ rows, unit }: Units, shard: Shard): readonly number[] {
  return shardOf([...new Array(Math.ceil(rows / unit)).keys()], shard);
}

/** Throws a ValueError unless this is a part of a whole, and each part has a unit to compute. */
export function checkUnits(op: string, { rows, unit }: Units, shard: Shard): void {
  checkShard(op, shard);
  const units = Math.ceil(rows / unit);
  if (shard.count <= units) return;
  throw new ValueError(
    op,
    `shard ${shardName(shard)}: ${rows} images are drawn ${unit} at a time, so there are at most ${units} parts. Cut them into fewer.`,
  );
}
