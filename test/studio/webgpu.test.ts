import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Page } from 'playwright-core';
import { findChromium, NO_CHROMIUM } from '../browser/chromium.ts';
import { WITH_GPU } from '../browser/pages.ts';
import { openStudio, type OpenStudio } from './studio-site.ts';
import { tinyRun } from './tiny-run.ts';

/** A software driver compiles hundreds of shaders for a step. */
const PATIENT = { timeout: 150_000 };

vi.setConfig({ testTimeout: 160_000, hookTimeout: 60_000 });

const chromium = findChromium();

const TRAINING = '#/train?width=16&depth=1&steps=100&seed=3';

async function at(page: Page, step: number): Promise<void> {
  await page.getByTestId('step-0').getByText(`step ${step} of 100`).waitFor(PATIENT);
}

async function takeStep(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Step', exact: true }).click(PATIENT);
}

describe.skipIf(chromium === null)(
  `a browser with WebGPU${chromium === null ? ` (skipped: ${NO_CHROMIUM})` : ''}`,
  () => {
    let studio: OpenStudio;

    beforeAll(async () => {
      studio = await openStudio(await tinyRun(), true, WITH_GPU.flags);
    });

    afterAll(() => studio.close());

    it('says that its adapter is software, and draws with it where the reader chooses so', async () => {
      const { page, complaints, loaded } = await studio.open('#/draw?steps=2&count=1');
      await page.getByTestId('took').getByText('2 steps in').waitFor(PATIENT);
      const engines = (): number =>
        loaded.filter((each) => each.url().includes('/webgpu-worker')).length;
      expect(engines()).toBe(0);
      await page.getByRole('button', { name: 'Processor or WebGPU' }).click();
      await page.getByText('swiftshader is a software adapter').waitFor(PATIENT);
      await page.getByRole('button', { name: 'WebGPU, google' }).click();
      await page.getByTestId('took').getByText('on WebGPU').waitFor(PATIENT);
      await page.waitForURL(/device=webgpu/);
      expect(engines()).toBeGreaterThan(0);
      expect(complaints).toEqual([]);
      await page.close();
    });

    it('trains with it, says that its device is lost, and goes on from the last save', async () => {
      const { page } = await studio.open(`${TRAINING}&device=webgpu`);
      await takeStep(page);
      await at(page, 1);
      const control = await studio.browser.newBrowserCDPSession();
      await control.send('Browser.crashGpuProcess').catch(() => {}); // it ends before it answers
      await takeStep(page);
      await page.getByRole('alert').getByText('The GPU is gone.').waitFor(PATIENT);
      await page.getByRole('button', { name: 'Processor' }).click();
      await at(page, 1);
      await takeStep(page);
      await at(page, 2);
      expect(await page.getByRole('alert').allTextContents()).toEqual([]);
    });
  },
);

describe.skipIf(chromium === null)('a browser without WebGPU', () => {
  it('says what that costs, and computes on the processor, whatever a link says', async () => {
    const studio = await openStudio(await tinyRun());
    try {
      const { page, complaints } = await studio.open('#/draw?steps=2&count=1&device=webgpu');
      await page.getByTestId('took').getByText('2 steps in').waitFor(PATIENT);
      await page.getByText('This browser gives the page no WebGPU adapter').waitFor(PATIENT);
      expect(await page.getByTestId('took').textContent()).toMatch(/on \d threads?/);
      expect(complaints).toEqual([]);
    } finally {
      await studio.close();
    }
  });
});
