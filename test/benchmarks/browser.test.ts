import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { findFirefox, visitInFirefox } from '../../benchmarks/browser/firefox.ts';
import { runBench } from './run-bench.ts';

/** A browser of our own: it asks for the address that it is given last, and posts how it was served. */
const BROWSER = `#!${process.execPath}
if (process.argv.includes('--version')) console.log('Mozilla Firefox 1.0');
else {
  const url = process.argv.at(-1);
  const { status, headers } = await fetch(url);
  const isolated = headers.get('cross-origin-opener-policy');
  if (status === 200) await fetch(new URL('/result', url), { method: 'POST', body: isolated });
}
`;

describe('a page in Firefox', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tessera-firefox-'));
  const firefox = join(folder, 'firefox.mjs');
  writeFileSync(firefox, BROWSER, { mode: 0o755 });
  writeFileSync(join(folder, 'page.html'), '<p>page</p>');

  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  it('is opened in the program that FIREFOX_PATH names, or in none', () => {
    expect(findFirefox({ FIREFOX_PATH: firefox })).toBe(firefox);
    expect(findFirefox({ FIREFOX_PATH: join(folder, 'missing') })).toBeNull();
  });

  it('is cross-origin isolated, and posts its report', async () => {
    const visit = { firefox, folder, page: 'page.html?threads=2', timeoutMs: 30_000 };
    expect(await visitInFirefox(visit)).toBe('same-origin');
  });

  it('is not waited for when the program ends or does not start', async () => {
    const visit = { firefox, folder, page: 'none.html', timeoutMs: 30_000 };
    await expect(visitInFirefox(visit)).rejects.toThrow('before none.html reported');
    const missing = { ...visit, firefox: join(folder, 'missing') };
    await expect(visitInFirefox(missing)).rejects.toThrow('ENOENT');
  });
});

describe('npm run bench -- browser', () => {
  it('refuses bad input in one line, with exit code 2', () => {
    const { status, stdout, stderr } = runBench('browser', '--samples', '0');
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/^error: [^\n]*Expected a whole number from 1\.\n$/);
  });
});
