import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { renderResult, resultsPage } from '../../benchmarks/compare/report.ts';
import type { Result } from '../../benchmarks/compare/result.ts';
import { rowOf } from './rows.ts';

const result: Result = {
  date: '2026-11-25T03:00:00.000Z',
  machine: { cpu: 'A processor', cores: 2, memoryGB: 24, system: 'Linux 6' },
  versions: { node: '20.20.2', 'pytorch 1.13': 'on Python 3.11' },
  rows: [
    rowOf('tessera', 1, 1.234, { minMs: 1, maxMs: 2, gflops: 45.67 }),
    rowOf('pytorch', 1, 2.468, { rssMB: 250, instance: '1.13' }),
    rowOf('js-pytorch', 1, null, { rssMB: null, note: 'cannot: a | b' }),
  ],
};

describe('the report', () => {
  it('says where and when, and has a table a work', () => {
    expect(renderResult(result)).toMatchInlineSnapshot(`
      "Measured 2026-11-25 on A processor, 2 cores, 24 GB, Linux 6.

      Versions: node 20.20.2, pytorch 1.13 on Python 3.11.

      **add**: two arrays [3136, 512]

      | contender    | threads | median (min–max), ms | GFLOP/s | RSS, MB | ÷ tessera | ÷ pytorch 1.13 | note           |
      | ------------ | ------- | -------------------- | ------- | ------- | --------- | -------------- | -------------- |
      | tessera      | 1       | 1.23 (1.00–2.00)     | 45.7    | 60.0    | 1.00      | 0.500          |                |
      | pytorch 1.13 | 1       | 2.47 (2.47–2.47)     |         | 250     | 2.00      | 1.00           |                |
      | js-pytorch   | 1       | –                    |         |         |           |                | cannot: a \\| b |"
    `);
  });

  it('is a page that names what was not measured yet', () => {
    const page = resultsPage({ peers: result, gpu: null, browser: null });
    expect(page).toContain(`## Beside other libraries\n\n${renderResult(result)}\n\n`);
    expect(page).toMatch(/\n\nNot measured yet: `npm run bench -- browser` does it\.\n$/);
  });

  it('of the repository is what the measured numbers give', () => {
    const place = (file: string): URL =>
      new URL(`../../benchmarks/results/${file}`, import.meta.url);
    const read = (file: string): string => readFileSync(place(file), 'utf8');
    const measured = (file: string): Result | null =>
      existsSync(place(file)) ? (JSON.parse(read(file)) as Result) : null;
    const page = resultsPage({
      peers: measured('latest.json'),
      gpu: measured('gpu.json'),
      browser: measured('browser.json'),
    });
    expect(read('README.md')).toBe(page);
  });
});
