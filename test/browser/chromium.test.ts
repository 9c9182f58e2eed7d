import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findChromium } from './chromium.ts';

describe('findChromium', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tessera-browser-'));
  const program = join(folder, 'chromium');

  beforeAll(() => {
    writeFileSync(program, '');
    chmodSync(program, 0o755);
    writeFileSync(join(folder, 'text'), '', { mode: 0o644 });
  });

  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  it('takes CHROMIUM_PATH, and nothing else instead', () => {
    expect(findChromium({ CHROMIUM_PATH: program })).toBe(program);
    for (const name of ['text', 'missing']) {
      const env = { CHROMIUM_PATH: join(folder, name), PATH: folder };
      expect(() => findChromium(env)).toThrow('which is no program');
    }
  });

  it('looks along PATH', () => {
    expect(findChromium({ PATH: ['', join(folder, 'missing'), folder].join(delimiter) })).toBe(
      program,
    );
  });

  it('looks where applications are', () => {
    expect(findChromium({}, [join(folder, 'missing'), program])).toBe(program);
  });

  it('skips without a browser, but never in CI', () => {
    expect(findChromium({ PATH: '' }, [])).toBeNull();
    expect(findChromium({ PATH: '', CI: 'false' }, [])).toBeNull();
    expect(() => findChromium({ PATH: '', CI: 'true' }, [])).toThrowErrorMatchingInlineSnapshot(
      `[Error: no Chromium found: install it (on Debian, apt-get install chromium), or set CHROMIUM_PATH. With CI set, its tests may not be skipped.]`,
    );
  });
});
