import { describe, expect, it } from 'vitest';
import { runProcess } from '../../../docs/fences.ts';
import type { Findings } from './eager-loops.ts';

/** Garbage is collected after 256 MiB; the results are of 16 MiB. */
const MOST = 256 + 2 * 16;

describe('a program that drops results of twice the memory that there is', () => {
  it.each([
    ['', []],
    [
      'without code from strings and with frozen intrinsics',
      [
        '--disallow-code-generation-from-strings',
        '--frozen-intrinsics',
        '--disable-warning=ExperimentalWarning',
      ],
    ],
  ])('gets their memory back and says nothing on stderr %s', async (_, flags) => {
    const { stdout, stderr } = await runProcess([
      ...flags,
      new URL('eager-loops.ts', import.meta.url).pathname,
    ]);
    const { main, worker, relaxed, threads } = JSON.parse(stdout) as Findings;
    for (const peak of [...Object.values(main), ...Object.values(worker)]) {
      expect(peak).toBeLessThan(MOST);
    }
    expect([relaxed, threads > 0]).toEqual([true, true]);
    expect(stderr).toBe('');
  });
});
