import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { serveSite } from './site.ts';

describe('serveSite', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tessera-site-'));

  beforeAll(() => {
    writeFileSync(join(folder, 'page.html'), '<p>page</p>');
  });

  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  it('lets pages fetch nothing, unless it is given something to fetch', async () => {
    const fetchable = new Map([['/data/numbers%201', Uint8Array.of(1, 2)]]);
    for (const [given, rule] of [
      [undefined, null],
      [fetchable, "connect-src 'self'"],
    ] as const) {
      const site = await serveSite(folder, false, given === undefined ? {} : { fetchable: given });
      try {
        const page = await fetch(`${site.origin}/page.html?section=ops`);
        expect(await page.text()).toBe('<p>page</p>');
        const policy = page.headers.get('content-security-policy')?.split('; ') ?? [];
        expect(policy).toContain("default-src 'none'");
        expect(policy.find((each) => each.startsWith('connect-src')) ?? null).toBe(rule);
        const data = await fetch(`${site.origin}/data/numbers%201`);
        expect(data.status).toBe(given === undefined ? 404 : 200);
        if (given !== undefined)
          expect(new Uint8Array(await data.arrayBuffer())).toEqual(Uint8Array.of(1, 2));
      } finally {
        await site.close();
      }
    }
  });
});
