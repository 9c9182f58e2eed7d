import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import {
  bucketsOf,
  glooSeconds,
  ringBytes,
  ringSeconds,
  stepCost,
} from '../../benchmarks/scaling/cost-model.ts';
import type { Results } from '../../benchmarks/scaling/results.ts';
import { tables } from '../../benchmarks/scaling/tables.ts';

const read = (path: string): string =>
  readFileSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)), 'utf8');
const results = JSON.parse(read('benchmarks/results/ranks.json')) as Results;
const MiB = 2 ** 20;

describe('bucketsOf', () => {
  it('closes the first bucket at 1 MiB and the others at 25, each with the parameter that fills it', () => {
    const parameters = [0.5, 0.75, 10, 20, 5].map((size) => size * MiB);
    expect(bucketsOf(parameters).map((bytes) => bytes / MiB)).toEqual([1.25, 30, 5]);
  });

  it('gives about the buckets that DistributedDataParallel reported of the measured training', () => {
    const { parameters, buckets } = results.phases;
    const expected = bucketsOf(parameters);
    const sum = (sizes: readonly number[]): number => sizes.reduce((all, size) => all + size, 0);
    expect(expected).toHaveLength(buckets.length);
    expect(sum(expected)).toBe(sum(buckets));
    // Gradients are not ready in quite the reverse order of the parameters: a bucket is closed some parameters sooner.
    for (const [i, bytes] of expected.entries()) {
      expect(Math.abs(bytes - buckets[i])).toBeLessThan(4 * MiB);
    }
  });
});

describe('a ring all-reduce', () => {
  it('sends what is reduced once over two ranks, and nearly twice over many', () => {
    expect(ringBytes(100, 2)).toBe(100);
    expect(ringBytes(100, 4)).toBe(150);
    expect(ringBytes(100, 100)).toBeCloseTo(198, 10);
  });

  it('waits for 2 (N − 1) messages', () => {
    expect(ringSeconds(0, 4, { bytesPerSecond: 1, latency: 10 })).toBe(60);
    expect(ringSeconds(8, 4, { bytesPerSecond: 3, latency: 0 })).toBe(4);
  });
});

describe("gloo's ring all-reduce", () => {
  const MB = 1e6;

  it('takes as long as any ring without latency', () => {
    const link = { bytesPerSecond: 100 * MB, latency: 0 };
    for (const ranks of [2, 3, 4]) {
      const [gloo, ring] = [glooSeconds, ringSeconds].map((each) => each(66 * MB, ranks, link));
      expect(gloo).toBeCloseTo(ring, 12);
    }
  });

  it('waits for every second segment where the latency is long', () => {
    // 8 MiB over two ranks: four segments a piece, two turns of a piece.
    const seconds = glooSeconds(8 * MiB, 2, { bytesPerSecond: Infinity, latency: 1 });
    expect(seconds).toBe(8);
  });
});

describe('stepCost', () => {
  const link = { bytesPerSecond: 10, latency: 0 };

  it('hides what ends before the backward pass, and the last bucket never', () => {
    const compute = { forward: 1, backward: 10, rest: 1 };
    expect(stepCost(compute, [10, 10], 2, link)).toEqual({
      compute: 12,
      communication: 2,
      exposed: 1,
      step: 13,
    });
  });

  it('hides nothing of one bucket, which is ready at the end only', () => {
    const { communication, exposed } = stepCost(
      { forward: 1, backward: 10, rest: 1 },
      [20],
      2,
      link,
    );
    expect(exposed).toBe(communication);
  });

  it('lets later buckets wait for earlier ones', () => {
    const compute = { forward: 0, backward: 2, rest: 0 };
    // Ready after 1 s and 2 s; the first takes until 5 s, and the second 4 s more.
    expect(stepCost(compute, [40, 40], 2, link).exposed).toBe(7);
  });

  it('has no communication in one rank', () => {
    const { communication, step } = stepCost({ forward: 1, backward: 2, rest: 3 }, [5], 1, link);
    expect([communication, step]).toEqual([0, 6]);
  });
});

describe('docs/scaling.md', () => {
  it.each(Object.entries(tables(results)))('has the table %s of the results', (_, table) => {
    expect(read('docs/scaling.md')).toContain(table);
  });
});
