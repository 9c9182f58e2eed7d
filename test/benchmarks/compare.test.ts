import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { compare } from '../../benchmarks/compare/compare.ts';
import { measure } from '../../benchmarks/compare/measure.ts';
import type { Result } from '../../benchmarks/compare/result.ts';
import { selectWorks } from '../../benchmarks/works/works.ts';
import { rowOf } from './rows.ts';

vi.mock('../../benchmarks/compare/measure.ts');

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tessera-compare-'));
  vi.spyOn(console, 'log').mockReturnValue();
});

afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

describe('the file of a result', () => {
  const run = (): Promise<void> =>
    compare({
      only: selectWorks(['add', 'sum']).works,
      contenders: ['tessera'],
      threads: [1],
      backend: 'wasm',
      samples: 1,
      timeout: 60,
      out: join(folder, 'result.json'),
      pythons: [],
      install: false,
    });
  const works = (file: string): string[] =>
    (JSON.parse(readFileSync(join(folder, file), 'utf8')) as Result).rows.map(({ work }) => work);
  const measured = (work: string): Awaited<ReturnType<typeof measure>> => {
    return { rows: [{ row: rowOf('tessera', 1, 2, { work }), check: null }], versions: {} };
  };

  it('stays as it was where a run fails, which says where the rest is', async () => {
    writeFileSync(join(folder, 'result.json'), 'whole');
    vi.mocked(measure)
      .mockResolvedValueOnce(measured('add'))
      .mockRejectedValueOnce(new Error('cut'));
    const complain = vi.spyOn(console, 'error').mockReturnValue();
    await expect(run()).rejects.toThrow('cut');
    expect(readFileSync(join(folder, 'result.json'), 'utf8')).toBe('whole');
    expect(works('result.json.partial')).toEqual(['add']);
    const place = join(folder, 'result.json.partial');
    expect(complain.mock.calls).toEqual([[`What was measured until then is in ${place}`]]);
  });

  it('has all of a run that ends, and nothing is left beside it', async () => {
    vi.mocked(measure)
      .mockResolvedValueOnce(measured('add'))
      .mockResolvedValueOnce(measured('sum'));
    await run();
    expect(works('result.json')).toEqual(['add', 'sum']);
    expect(readdirSync(folder)).toEqual(['result.json']);
  });
});
