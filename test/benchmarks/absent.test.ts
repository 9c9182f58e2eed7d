import { describe, expect, it } from 'vitest';
import { measure, type Measurement } from '../../benchmarks/compare/measure.ts';
import { nameOf } from '../../benchmarks/compare/result.ts';
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
  pythons: [],
};

/** A program that is started as a Python would be. */
const started = (python: string): Measurement => ({
  ...measurement,
  pythons: [{ python, version: '2.13.0', cuda: false, instance: '2.13.0' }],
});

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
    const { rows } = await measure(workNamed('add'), started(process.execPath));
    expect(rows.map(({ row }) => row.note)).toEqual([
      expect.stringMatching(/^failed: ended with code 1/),
    ]);
  });

  it('does not keep a command that does not exist from being a row', async () => {
    const { rows } = await measure(workNamed('add'), started('./no-python'));
    expect(rows.map(({ row }) => row.note)).toEqual([expect.stringMatching(/^failed: .*ENOENT/)]);
  });

  it('is a row for each Python, contender by contender', async () => {
    const [one] = started('./no-python').pythons;
    const pythons = [one, { ...one, instance: '1.13.0' }];
    const contenders = ['pytorch', 'pytorch-compile'] as const;
    const threads = [1, 2];
    const { rows } = await measure(workNamed('add'), {
      ...measurement,
      contenders,
      threads,
      pythons,
    });
    expect(rows.map(({ row }) => `${nameOf(row)}, ${row.threads}`)).toEqual([
      'pytorch 2.13.0, 1',
      'pytorch 2.13.0, 2',
      'pytorch 1.13.0, 1',
      'pytorch 1.13.0, 2',
      'pytorch-compile 2.13.0, 1',
      'pytorch-compile 2.13.0, 2',
      'pytorch-compile 1.13.0, 1',
      'pytorch-compile 1.13.0, 2',
    ]);
  });

  it('has no place for contenders that do something else', async () => {
    expect((await measure(workNamed('peak-mul-add'), measurement)).rows).toEqual([]);
    const peak = { ...measurement, contenders: ['wasm-peak'] as const };
    expect((await measure(workNamed('add'), peak)).rows).toEqual([]);
  });
});
