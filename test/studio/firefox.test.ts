import puppeteer, { type Browser, type Page } from 'puppeteer-core';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { findBrowser } from '../browser/chromium.ts';
import type { Site } from '../browser/site.ts';
import { serveStudio } from './studio-site.ts';
import { tinyRun } from './tiny-run.ts';

/** As long as a step may take: Firefox starts slowly on a busy machine. */
const PATIENT = { timeout: 90_000 };

vi.setConfig({ testTimeout: 100_000, hookTimeout: 120_000 });

const NO_FIREFOX =
  'no Firefox found: install it (on Debian, apt-get install firefox-esr), or set FIREFOX_PATH';

/** It is driven by WebDriver BiDi, which Firefox itself speaks. */
const firefox = findBrowser(
  { variable: 'FIREFOX_PATH', commands: ['firefox-esr', 'firefox'], missing: NO_FIREFOX },
  process.env,
);

describe.skipIf(firefox === null)(
  `the studio in Firefox${firefox === null ? ` (skipped: ${NO_FIREFOX})` : ''}`,
  () => {
    let site: Site;
    let browser: Browser;
    let page: Page;
    const complaints: string[] = [];

    beforeAll(async () => {
      site = await serveStudio(await tinyRun());
      browser = await puppeteer.launch({
        browser: 'firefox',
        executablePath: firefox ?? '',
        headless: true,
        ...PATIENT,
      });
      page = await browser.newPage();
      page.on('pageerror', (error) => complaints.push(String(error)));
    });

    afterAll(async () => {
      await browser.close();
      await site.close();
    });

    /** Waits until an expression of the page holds. An error says what the page showed instead. */
    async function until(expression: string): Promise<void> {
      try {
        await page.waitForFunction(expression, PATIENT);
      } catch (cause) {
        const shown = await page.evaluate('`${location.hash}: ${document.body.innerText}`');
        throw new Error(`not so: ${expression}. The page shows ${String(shown)}`, { cause });
      }
    }

    /** Opens a room, and waits until an expression of its page holds. */
    async function open(hash: string, expression: string): Promise<void> {
      await page.goto(`${site.origin}/index.html${hash}`);
      await until(expression);
    }

    const textOf = (id: string): string =>
      `(document.querySelector('[data-testid=${id}]')?.textContent ?? '')`;

    it('draws, isolated and with threads', async () => {
      await open('#/draw?steps=3&count=1', `${textOf('took')}.includes('3 steps in')`);
      expect(await page.evaluate('crossOriginIsolated')).toBe(true);
      expect(await page.evaluate(`document.querySelectorAll('canvas').length`)).toBeGreaterThan(0);
    });

    it('trains ten steps, and keeps them over a reload', async () => {
      const play = `[...document.querySelectorAll('button')].find((each) => each.textContent.trim() === 'Play' && !each.disabled)`;
      await open('#/train?width=16&depth=1&steps=10', `${play} !== undefined`);
      await page.evaluate(`${play}.click()`);
      const isDone = `${textOf('step-0')}.includes('step 10 of 10')`;
      await until(isDone);
      await until(
        `![...document.querySelectorAll('button')].some((each) => each.textContent.trim() === 'Pause')`,
      );
      await page.reload();
      await until(isDone);
      expect(complaints).toEqual([]);
    });

    it.each([
      ['#/inside', `document.querySelector('[data-id=n1]') !== null`],
      ['#/transformer?steps=2', `${textOf('watched')}.startsWith('2 steps')`],
      ['#/read', `document.querySelector('h1')?.textContent === 'A tour of Tessera'`],
    ])('opens %s', async (hash, expression) => {
      await open(hash, expression);
      expect(complaints).toEqual([]);
    });
  },
);
