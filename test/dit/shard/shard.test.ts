/** How work is cut into parts. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkUnits, shardOf, unitsOf } from '../../../packages/dit/src/shard/shard.ts';

const count = fc.integer({ min: 1, max: 9 });

describe('shards', () => {
  it('have each item once, and nearly as many items each', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat()), count, (items, parts) => {
        const shards = Array.from({ length: parts }, (_, i) =>
          shardOf(items, { index: i + 1, count: parts }),
        );
        expect(new Set(shards.flat())).toEqual(new Set(items));
        const lengths = shards.map(({ length }) => length);
        expect(lengths.reduce((sum, length) => sum + length)).toBe(items.length);
        expect(Math.max(...lengths) - Math.min(...lengths)).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('have work to do, or are refused', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 99 }), count, count, (rows, unit, parts) => {
        const shard = { index: parts, count: parts };
        const check = (): void => checkUnits('draw', { rows, unit }, shard);
        if (unitsOf({ rows, unit }, shard).length > 0) check();
        else expect(check).toThrow(`so there are at most ${Math.ceil(rows / unit)} parts`);
      }),
    );
  });
});
