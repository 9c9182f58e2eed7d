import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Page, Response } from 'playwright-core';
import { findChromium, NO_CHROMIUM } from '../browser/chromium.ts';
import { looksAt, openStudio, type OpenStudio } from './studio-site.ts';
import { tinyRun } from './tiny-run.ts';

vi.setConfig({ testTimeout: 60_000 });

const chromium = findChromium();

/** As long as a test may take: a machine may be busy. */
const PATIENT = { timeout: 60_000 };

/** A short drawing of one image. */
const SHORT = '#/draw?steps=4&count=1';

/** Waits until a drawing has ended, and gives what the page says of it. */
async function drawn(page: Page, steps: number): Promise<string> {
  const said = page.getByTestId('took').getByText(`${steps} steps in`);
  await said.waitFor();
  return (await said.textContent()) ?? '';
}

/** The pixels of the first picture, as text. */
function pixels(page: Page): Promise<string> {
  return page.evaluate(`document.querySelector('.pictures canvas').toDataURL()`);
}

describe.skipIf(chromium === null)(
  `the room Draw${chromium === null ? ` (skipped: ${NO_CHROMIUM})` : ''}`,
  () => {
    let studio: OpenStudio;
    let page: Page;
    let complaints: string[];
    let loaded: Response[];

    beforeAll(async () => {
      studio = await openStudio(await tinyRun());
      ({ page, complaints, loaded } = await studio.open(SHORT));
    });

    afterAll(() => studio.close());

    it('draws at once, isolated, under a policy without eval', async () => {
      expect(await drawn(page, 4)).toMatch(/4 steps in [\d.]+ s on \d+ threads?/);
      expect(await page.evaluate('crossOriginIsolated')).toBe(true);
      expect(complaints).toEqual([]);
    });

    it('has loaded at most 160 kB for that, gzipped, besides the weights', async () => {
      const files = loaded.filter((response) => !response.url().includes('/run/'));
      const sizes = await Promise.all(
        files.map(async (response) => gzipSync(await response.body()).length),
      );
      expect(files.length).toBeGreaterThan(6); // the page, its style, its scripts, those of the worker
      expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(160_000);
    });

    it('draws anew when a class is chosen, and goes back through the film', async () => {
      const seven = await pixels(page);
      await page.getByRole('button', { name: '3', exact: true }).click();
      await page.waitForURL(/label=3/);
      await page.getByRole('img', { name: 'Drawn by the model: class 3' }).waitFor();
      await expect.poll(() => pixels(page), PATIENT).not.toBe(seven);
      await drawn(page, 4);
      const three = await pixels(page);
      await page.getByRole('button', { name: 'Step 1', exact: true }).click();
      await page.getByText('Step 1 of 4').waitFor();
      expect(await pixels(page)).not.toBe(three);
      await page.getByLabel('Step 1 of 4').press('End');
      await page.getByText('Step 4 of 4').waitFor();
      expect(await pixels(page)).toBe(three);
    });

    it('draws the same from its address', async () => {
      const before = await pixels(page);
      await page.getByRole('spinbutton', { name: 'Seed' }).fill('42');
      await page.getByRole('spinbutton', { name: 'Seed' }).press('Enter');
      await page.waitForURL(/label=3.*seed=42/);
      await expect.poll(() => pixels(page), PATIENT).not.toBe(before);
      await drawn(page, 4);
      const first = await pixels(page);
      await page.reload();
      await drawn(page, 4);
      expect(await pixels(page)).toBe(first);
    });

    it('completes what is drawn on the pad, by keys and by a pointer', async () => {
      await page.getByRole('button', { name: 'Finish my digit' }).click();
      const pad = page.getByRole('application', { name: 'Your drawing' });
      await pad.focus();
      await page.keyboard.down(' ');
      for (let i = 0; i < 6; i++) await page.keyboard.press('ArrowDown');
      await page.keyboard.up(' ');
      await page.waitForURL(/pad=/);
      await drawn(page, 2); // 60 % of the noise: the last two of four steps
      await page.getByRole('button', { name: 'Model draws here' }).click();
      const box = await pad.boundingBox();
      if (box === null) throw new Error('the pad has no place');
      await page.mouse.move(box.x + box.width / 4, box.y + 10);
      await page.mouse.down();
      await page.mouse.move(box.x + box.width / 4, box.y + box.height - 10);
      await page.mouse.up();
      await drawn(page, 4); // from pure noise, with the rest put back
      expect(complaints).toEqual([]);
    });

    it.each([390, 1200])('fits a width of %d, and axe finds nothing serious', async (width) => {
      expect(await looksAt(page, width)).toEqual({ width, problems: [] });
    });

    it('goes from one to another in nine pictures', async () => {
      await page.getByRole('button', { name: 'From one to another' }).click();
      await page.locator('.pictures canvas').nth(8).waitFor();
      await page.getByLabel('Along the way').press('End');
      await page.getByText('100 %').waitFor();
      await drawn(page, 4);
      expect(complaints).toEqual([]);
    });

    it('says in words that a text is too long, and goes on after that', async () => {
      await page.getByRole('button', { name: 'Draw', exact: true }).click();
      await page.getByLabel('Prompt').fill('an unknown kind of crocodile');
      const alert = page.getByRole('alert');
      await alert.waitFor();
      expect(await alert.textContent()).toContain('tokens');
      await page.getByLabel('Prompt').fill('a seven');
      await alert.waitFor({ state: 'detached' });
      await drawn(page, 4);
    });
  },
);

describe.skipIf(chromium === null)(
  `the studio on other hosts${chromium === null ? ` (skipped: ${NO_CHROMIUM})` : ''}`,
  () => {
    it('isolates itself where no headers come, and says that there are no weights', async () => {
      const studio = await openStudio(new Map(), false);
      try {
        const { page } = await studio.open('');
        await expect.poll(() => page.evaluate('crossOriginIsolated'), PATIENT).toBe(true);
        const notice = page.getByText('There are no weights beside this page');
        await notice.waitFor();
        expect(await notice.isVisible()).toBe(true);
      } finally {
        await studio.close();
      }
    });
  },
);
