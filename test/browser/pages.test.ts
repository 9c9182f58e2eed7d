import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findChromium, NO_CHROMIUM } from './chromium.ts';
import { visitPages } from './pages.ts';

const chromium = findChromium();

describe.skipIf(chromium === null)(
  `visitPages${chromium === null ? ` (skipped: ${NO_CHROMIUM})` : ''}`,
  () => {
    const site = mkdtempSync(join(tmpdir(), 'tessera-pages-'));

    beforeAll(() => {
      writeFileSync(join(site, 'broken.html'), '<script type="module" src="broken.js"></script>');
      writeFileSync(join(site, 'broken.js'), "throw new Error('no such luck');");
    });

    afterAll(() => {
      rmSync(site, { recursive: true });
    });

    it('does not wait for a page that has failed before it could report', async () => {
      await expect(visitPages(chromium ?? '', site, { broken: ['page'] }, false)).rejects.toThrow(
        /\/broken\.html: uncaught: no such luck$/,
      );
    });
  },
);
