import { describe, expect, it } from 'vitest';
import { measure, type Measurement } from '../../benchmarks/compare/measure.ts';
import { AbsentError, importPeer } from '../../benchmarks/contenders/contender.ts';
import { WORKS, type Work } from '../../benchmarks/works/works.ts';

const workNamed = (name: string): Work => {
  const work = WORKS.find((each) => each.name === name);
  if (work === undefined) throw new Error(`no work ${name}`);
  return work;
};

const measurement: Measurement = {
  contenders: ['pytorch'],
  threads: [1],
  backend: 'wasm',
  samples: 7,
  timeout: 60,
  folder: '.',
  python: null,
};

const empty = { medianMs: null, minMs: null, maxMs: null, gflops: null, rssMB: null };

describe('what is not there', () => {
  it('is an absent package', async () => {
    await expect(importPeer('no-such-package-anywhere')).rejects.toThrow(AbsentError);
  });

  it.each(['add', 'first-step'])('is a row without times in %s', async (name) => {
    const { rows } = await measure(workNamed(name), measurement);
    expect(rows).toEqual([
      {
        row: {
          work: name,
          contender: 'pytorch',
          threads: 1,
          ...empty,
          note: 'absent: no python3 has torch',
        },
        check: null,
      },
    ]);
  });

  it('does not keep a process that ends from being a row', async () => {
    // Node takes the program for JavaScript, and ends with a complaint.
    const { rows } = await measure(workNamed('add'), { ...measurement, python: process.execPath });
    expect(rows.map(({ row }) => row.note)).toEqual([
      expect.stringMatching(/^failed: ended with code 1/),
    ]);
  });

  it('does not keep a command that does not exist from being a row', async () => {
    const { rows } = await measure(workNamed('add'), { ...measurement, python: './no-python' });
    expect(rows.map(({ row }) => row.note)).toEqual([expect.stringMatching(/^failed: .*ENOENT/)]);
  });

  it('has no place for contenders that do something else', async () => {
    expect((await measure(workNamed('peak-mul-add'), measurement)).rows).toEqual([]);
    const peak = { ...measurement, contenders: ['wasm-peak'] as const };
    expect((await measure(workNamed('add'), peak)).rows).toEqual([]);
  });
});
