import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cpuBackend, defaultBackend, setDefaultBackend } from '@tessera/tensor';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { bundle } from '../browser/bundle.ts';
import { findChromium, NO_CHROMIUM } from '../browser/chromium.ts';
import { visitPages, WITH_GPU, type PageReport } from '../browser/pages.ts';
import { rows } from '../ops/cases.ts';
import { rowName } from '../ops/row.ts';
import { largestDeviation } from './deviation.ts';
import { trainSmallDiT, type TrainingRun } from './dit-training.ts';
import type { PageResult } from './page/gpu-page.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 600_000 });

/** As in Node, see training.test.ts. */
const TOLERANCE = 1e-4;

const PAGE_STEPS = 3;

const chromium = findChromium();
const before = defaultBackend();

describe.skipIf(chromium === null)(
  `a page of Chromium${chromium === null ? ` (skipped: ${NO_CHROMIUM})` : ''}`,
  () => {
    const site = mkdtempSync(join(tmpdir(), 'tessera-gpu-'));
    let page: PageReport;
    let wanted: TrainingRun;

    beforeAll(async () => {
      const project = fileURLToPath(new URL('page', import.meta.url));
      await bundle(project, ['gpu.html'], site, ['tessera-source']);
      const pages = { gpu: ['webgl2', 'webgpu'] };
      ({ gpu: page } = await visitPages(chromium ?? '', site, pages, false, WITH_GPU));
      wanted = await trainSmallDiT(cpuBackend(), PAGE_STEPS);
    });

    afterAll(() => {
      setDefaultBackend(before);
      rmSync(site, { recursive: true });
    });

    it.each(['webgl2', 'webgpu'])('%s computes what the definitions say', (mode) => {
      const { checked, wrong } = page.outputs[mode] as PageResult;
      expect(checked).toEqual(rows.map(rowName));
      expect(wrong).toEqual({});
    });

    it.each(['webgl2', 'webgpu'])('%s trains as cpu does', (mode) => {
      const { device, run } = page.outputs[mode] as PageResult;
      expect(device.mode).toBe(mode);
      expect(device.adapter).not.toBe('');
      const limit = mode === 'webgl2' ? 'maxTextureSize' : 'maxBufferSize';
      expect(device.limits[limit]).toBeGreaterThan(0);
      expect(largestDeviation(run, wanted)).toBeLessThan(TOLERANCE);
    });

    it('without a complaint of the browser, under a policy that forbids eval', () => {
      const complaints = page.complaints.filter(
        (text) => !text.includes('stall due to ReadPixels'),
      );
      expect(complaints).toEqual([]);
    });
  },
);
