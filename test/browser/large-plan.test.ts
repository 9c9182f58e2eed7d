import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defaultBackend, setDefaultBackend, wasmBackend } from '@tessera/tensor';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { bundle } from './bundle.ts';
import { findChromium, NO_CHROMIUM } from './chromium.ts';
import { runLargePlan } from './large-plan/large-plan.ts';
import { visitPages } from './pages.ts';

vi.setConfig({ testTimeout: 180_000 });

const chromium = findChromium();
const before = defaultBackend();

describe.skipIf(chromium === null)(
  `the main thread of a page${chromium === null ? ` (skipped: ${NO_CHROMIUM})` : ''}`,
  () => {
    const site = mkdtempSync(join(tmpdir(), 'tessera-large-plan-'));

    afterAll(() => {
      setDefaultBackend(before);
      rmSync(site, { recursive: true });
    });

    it('runs a plan that it would refuse as one module', async () => {
      const project = fileURLToPath(new URL('large-plan', import.meta.url));
      await bundle(project, ['large-plan.html'], site, ['tessera-source']);
      const pages = { 'large-plan': ['page'] };
      const { 'large-plan': page } = await visitPages(chromium ?? '', site, pages, false);
      const values = runLargePlan(wasmBackend({ threads: 1 }), false);
      expect(page.outputs['page']).toEqual({ whole: 'RangeError', values });
    });
  },
);
