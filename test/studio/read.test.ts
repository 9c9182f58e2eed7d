import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Page } from 'playwright-core';
import { findChromium, NO_CHROMIUM } from '../browser/chromium.ts';
import { fencesOf } from '../docs/fences.ts';
import { looksAt, openStudio, type OpenStudio } from './studio-site.ts';

vi.setConfig({ testTimeout: 60_000 });

const chromium = findChromium();

/** As long as a test may take: a machine may be busy. */
const PATIENT = { timeout: 60_000 };

const CHAPTER = 'docs/tour/01-tensors.md';

describe.skipIf(chromium === null)(
  `the room Read${chromium === null ? ` (skipped: ${NO_CHROMIUM})` : ''}`,
  () => {
    let studio: OpenStudio;
    let page: Page;
    let complaints: string[];

    beforeAll(async () => {
      studio = await openStudio(new Map());
      ({ page, complaints } = await studio.open('#/read?page=01-tensors'));
      await page.getByRole('heading', { level: 1, name: '1 · Tensors' }).waitFor();
    });

    afterAll(() => studio.close());

    it('shows each piece of code of a chapter, and what it prints', async () => {
      const texts = (kind: string): Promise<string[]> =>
        page.locator(`article pre.${kind}`).allTextContents();
      const fences = fencesOf(CHAPTER);
      expect(await texts('output')).toEqual(
        fences.filter(({ output }) => output !== '').map(({ output }) => output.trimEnd()),
      );
      expect(await texts('code')).toEqual(
        expect.arrayContaining(fences.map(({ code }) => code.trimEnd())),
      );
    });

    it('runs a piece of code in place, as it is and as it is changed', async () => {
      const [first] = fencesOf(CHAPTER);
      await page.getByRole('button', { name: 'Run' }).first().click();
      const live = page.getByRole('group', { name: 'Printed now' });
      await expect.poll(() => live.textContent(), PATIENT).toBe(first.output.trimEnd());
      await page.getByRole('button', { name: 'Edit' }).first().click();
      const editor = page.getByRole('textbox', { name: 'Code' });
      await editor.click();
      await page.keyboard.press('ControlOrMeta+a');
      await page.keyboard.press('Delete');
      await page.keyboard.insertText('const f = (x: Tensor) => x.exp();\nrecord(f, scalar(0));');
      await page.keyboard.press('ControlOrMeta+Enter');
      const box = page.getByRole('button', { name: /^v0 = exp\(in0\) float32\[\] value 1/ });
      await box.waitFor();
      expect(
        await page.getByRole('link', { name: 'Look inside it' }).getAttribute('href'),
      ).toContain('#/inside?code=const+f');
      await page.getByRole('button', { name: 'As it was' }).click();
      await box.waitFor({ state: 'detached' });
    });

    it('turns to the next page, and follows links between documents', async () => {
      await page.getByRole('link', { name: '2 · Views →' }).click();
      await page.getByRole('heading', { level: 1, name: '2 · Views' }).waitFor();
      await page.goBack();
      const back = page.getByRole('heading', { level: 1, name: '1 · Tensors' });
      await back.waitFor();
      expect(await back.isVisible()).toBe(true);
    });

    it('finds a function by its name, with docstring and example', async () => {
      await page.getByLabel('Search').fill('slerp');
      await page.getByRole('button', { name: /^slerp\b.*@tessera\/dit/ }).press('Enter');
      await page.waitForURL(/page=api-dit/);
      const part = page.locator('section.name', { has: page.locator('#name-slerp') });
      const source = readFileSync(
        fileURLToPath(
          new URL('../../packages/dit/src/diffusion/sampler/slerp.ts', import.meta.url),
        ),
        'utf8',
      );
      const [, line = ''] = /@example\n \* (.*)\n/.exec(source) ?? [];
      expect(line).not.toBe('');
      expect(await part.locator('pre.code').last().textContent()).toContain(line);
      expect(complaints).toEqual([]);
    });

    it('says that nothing is found', async () => {
      await page.getByLabel('Search').fill('xyzzy');
      const nothing = page.getByText('Nothing has all words of “xyzzy”.');
      await nothing.waitFor();
      expect(await nothing.isVisible()).toBe(true);
      await page.getByLabel('Search').fill('');
    });

    it.each([390, 1200])('fits a width of %d, and axe finds nothing serious', async (width) => {
      await page.goto(`${studio.origin}/index.html#/read?page=02-views`);
      await page.getByRole('heading', { level: 1, name: '2 · Views' }).waitFor();
      expect(await looksAt(page, width)).toEqual({ width, problems: [] });
    });
  },
);
