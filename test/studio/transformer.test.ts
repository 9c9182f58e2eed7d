import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Page } from 'playwright-core';
import { findChromium, NO_CHROMIUM } from '../browser/chromium.ts';
import { looksAt, openStudio, type OpenStudio } from './studio-site.ts';
import { tinyRun } from './tiny-run.ts';

const chromium = findChromium();

/** Pixels of the canvas of an image, as text. */
function pixels(page: Page, name: string | RegExp): Promise<string> {
  return page
    .getByRole('img', { name })
    .locator('canvas')
    .evaluate((canvas) => (canvas as unknown as { toDataURL(): string }).toDataURL());
}

describe.skipIf(chromium === null)(
  `the room Inside the transformer${chromium === null ? ` (skipped: ${NO_CHROMIUM})` : ''}`,
  () => {
    let studio: OpenStudio;
    let page: Page;
    let complaints: string[];

    beforeAll(async () => {
      studio = await openStudio(await tinyRun());
      ({ page, complaints } = await studio.open('#/transformer?steps=3&step=3&guidance=3'));
      await page.getByTestId('watched').getByText('3 steps: drag to see').waitFor();
    });

    afterAll(() => studio.close());

    it('says which numbers of the latent are in a token, and shows what it attends to', async () => {
      await page.getByText('row 2, column 2 of 2 × 2: 64 numbers').waitFor();
      const last = await pixels(page, 'What token 3 attends to');
      await page.getByRole('radio', { name: 'Token 3:' }).press('ArrowUp');
      await page.waitForURL(/token=1/);
      await page.getByText('row 1, column 2 of 2 × 2').waitFor();
      expect(await pixels(page, 'What token 1 attends to')).not.toBe(last);
    });

    it('shows the map of a head that is chosen, and keeps it in the address', async () => {
      const mean = await pixels(page, 'Attention map of block 0, mean');
      await page.getByRole('button', { name: 'Block 0, head 1' }).press('Enter');
      expect(await pixels(page, 'Attention map of block 0, head 1')).not.toBe(mean);
      await page.waitForURL(/head=1/);
    });

    it('goes back through the steps: other gates, other timestep', async () => {
      const gates = await pixels(page, /^Gates of MLP in block 0/);
      await page.getByLabel('Step, from noise to digit').press('Home');
      await page.getByText(/1 of 3, timestep \d+/).waitFor();
      expect(await pixels(page, /^Gates of MLP in block 0/)).not.toBe(gates);
    });

    it('shows both predictions, where they differ, and what guidance makes of them', async () => {
      const told = await pixels(page, /^With: /);
      expect(await pixels(page, /^Without: /)).not.toBe(told);
      expect(await pixels(page, /^Guided: /)).not.toBe(told);
      await page.getByText('first + 3 · (second − first)').waitFor();
      expect(complaints).toEqual([]);
    });

    it.each([390, 1200])('fits a width of %d, and axe finds nothing serious', async (width) => {
      expect(await looksAt(page, width)).toEqual({ width, problems: [] });
    });
  },
);
