import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundle } from './bundle.ts';
import { findChromium, NO_CHROMIUM } from './chromium.ts';
import { visitPages } from './pages.ts';

const chromium = findChromium();

/** MiB. Garbage is looked for after 256; what a collection has not found yet is found by the next one. */
const MOST = 1536;

describe.skipIf(chromium === null)(
  `a loop that drops results and awaits values${chromium === null ? ` (skipped: ${NO_CHROMIUM})` : ''}`,
  () => {
    const site = mkdtempSync(join(tmpdir(), 'tessera-eager-'));

    beforeAll(async () => {
      const program = fileURLToPath(new URL('program', import.meta.url));
      await bundle(program, ['eager.html'], site, ['tessera-source']);
    });

    afterAll(() => {
      rmSync(site, { recursive: true });
    });

    it.each([false, true])(
      'gets its memory back in a page and in a worker: isolated %s',
      async (isolated) => {
        const pages = { eager: ['page', 'worker'] };
        const { eager } = await visitPages(chromium ?? '', site, pages, isolated);
        expect(eager.outputs['page']).toBeLessThan(MOST);
        expect(eager.outputs['worker']).toBeLessThan(MOST);
        expect(eager.complaints).toEqual([]);
      },
    );
  },
);
