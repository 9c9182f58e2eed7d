import { record, showGraph } from '@tessera/autograd';
import { Mlp } from '@tessera/autograd/nn';
import { compile, key, ones, tensor, type Tensor } from '@tessera/tensor';
import { chromium as playwright, type Browser, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findChromium, NO_CHROMIUM } from '../browser/chromium.ts';

const mlp = new Mlp(4, 8, { key: key(0) });
const run = (model: Mlp, x: Tensor): Tensor => model.forward(x).sum();
const page = showGraph(run, [mlp, ones([2, 4])], { values: true });
const matches = (pattern: RegExp): readonly string[] =>
  [...page.matchAll(pattern)].map(([, group]) => group);

describe('the page of a graph', () => {
  it('needs nothing but itself', () => {
    expect(page).toMatch(/^<!doctype html>/);
    expect(page).toContain('<title>run</title>');
    expect(page).not.toMatch(/https?:|\bsrc=|<link|@import|url\(/);
  });

  it('closes every element that it opens', () => {
    for (const name of ['details', 'summary', 'div', 'span', 'a', 'b', 'i', 'main', 'html']) {
      const count = (pattern: string): number => page.match(new RegExp(pattern, 'g'))?.length ?? 0;
      expect(count(`</${name}>`)).toBe(count(`<${name}[ >]`));
    }
  });

  it('has a line for every operation, with its formulas and values', () => {
    const { nodes } = record(run, mlp, ones([2, 4])).graph;
    expect(matches(/(data-reads)/g)).toHaveLength(nodes.length);
    expect(page).toContain('<span class="math">y = σ(x)</span>');
    expect(page).toContain('<span class="math back">x̄ = ȳ·y·(1 − y)</span>');
    expect(page).toMatch(/<span class="values">-?[\d.e-]+ ± [\d.e-]+ \[.*, …\]<\/span>/);
    expect(showGraph(run, [mlp, ones([2, 4])])).not.toContain('class="values"');
  });

  it('counts one thing in the singular, several in the plural', () => {
    const single = showGraph((x: Tensor) => x.sin(), [tensor([1])]);
    expect(single).toContain('<p>1 operation on the way from 1 differentiated tensor</p>');
    expect(single).toContain('>1 tensor that the gradient is asked for<');
    expect(page).toMatch(/<p>\d+ operations on the way from 5 differentiated tensors<\/p>/);
    expect(page).toContain('>5 tensors that the gradient is asked for<');
  });

  it('leads every link to a place, and names every place once', () => {
    const places = matches(/ id="([^"]+)"/g);
    expect(new Set(places).size).toBe(places.length);
    const links = matches(/href="#([^"]+)"/g);
    expect(links.length).toBeGreaterThan(10);
    expect(links.filter((link) => !places.includes(link))).toEqual([]);
  });

  it('opens the modules that it is told to open', () => {
    expect(page).toContain('data-path="Mlp" open>');
    expect(page).toContain('data-path="Mlp/fc1">');
    const opened = showGraph(run, [mlp, ones([2, 4])], { depth: 0, open: ['fc1'] });
    expect(opened).toContain('data-path="Mlp/fc1" open>');
    expect(() => showGraph(run, [mlp, ones([2, 4])], { open: ['fc3'] })).toThrow(
      "no module at 'fc3'",
    );
  });

  it('shows markup in a title and in names as text', () => {
    const odd = { '<b>"&': tensor([1]) };
    const text = showGraph((tree: typeof odd) => tree['<b>"&'].sin(), [odd], { title: '</title>' });
    expect(text).toContain('<title>&#60;/title&#62;</title>');
    expect(text).toContain('id="&#60;b&#62;&#34;&#38;"');
  });

  it('refuses values that are not known', () => {
    const traced = compile((x: Tensor) => {
      showGraph((y: Tensor) => y.sin(), [x], { values: true });
      return x;
    });
    expect(() => traced(ones([2]))).toThrow('not known while compile traces');
  });
});

const executablePath = findChromium();

describe.skipIf(executablePath === null)(
  `the page of a graph in a browser${executablePath === null ? ` (skipped: ${NO_CHROMIUM})` : ''}`,
  () => {
    let browser: Browser;
    let tab: Page;

    beforeAll(async () => {
      browser = await playwright.launch({
        executablePath: executablePath ?? '',
        args: ['--no-sandbox', '--disable-gpu'],
      });
      tab = await browser.newPage();
      await tab.setContent(page);
    });

    afterAll(async () => {
      await browser.close();
    });

    const line = (name: string): ReturnType<Page['locator']> => tab.locator(`.op:has(b#${name})`);

    it('unfolds a module by a click, and folds all by another', async () => {
      expect(await line('v0').isVisible()).toBe(false);
      await tab.locator('[data-path="Mlp/fc1"] > summary .name').click();
      expect(await line('v0').isVisible()).toBe(true);
      await tab.locator('#fold').click();
      expect(await line('v0').isVisible()).toBe(false);
      await tab.locator('#open').click();
      expect(await line('v0').isVisible()).toBe(true);
    });

    it('lights up what a line reads and who reads it', async () => {
      await tab.locator('#open').click();
      await line('v1').locator('.what').hover();
      const isLit = async (name: string): Promise<boolean> =>
        (await line(name).getAttribute('class'))?.split(' ').includes('lit') ?? false;
      expect([await isLit('v0'), await isLit('v3'), await isLit('v5')]).toEqual([
        true,
        true,
        false,
      ]);
    });
  },
);
