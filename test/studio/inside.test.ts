import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Page } from 'playwright-core';
import { findChromium, NO_CHROMIUM } from '../browser/chromium.ts';
import { looksAt, openStudio, type OpenStudio } from './studio-site.ts';

vi.setConfig({ testTimeout: 60_000 });

const chromium = findChromium();

/** As long as a test may take: a machine may be busy. */
const PATIENT = { timeout: 60_000 };

/** Puts code in place of what the editor holds. */
async function write(page: Page, code: string): Promise<void> {
  const editor = page.getByRole('textbox', { name: 'Your code' });
  await editor.click();
  await page.keyboard.press('ControlOrMeta+a');
  await page.keyboard.press('Delete');
  await page.keyboard.insertText(code);
}

/** A box of the graph, by the beginning of what a screen reader says of it. */
function box(page: Page, label: string): ReturnType<Page['getByRole']> {
  const start = label.replaceAll(/[()[\]{}.*+^$|\\]/g, (character) => `\\${character}`);
  return page
    .getByRole('group', { name: 'The tape as a graph' })
    .getByRole('button', { name: new RegExp(`^${start}`) });
}

describe.skipIf(chromium === null)(
  `the room Look inside${chromium === null ? ` (skipped: ${NO_CHROMIUM})` : ''}`,
  () => {
    let studio: OpenStudio;
    let page: Page;
    let complaints: string[];

    beforeAll(async () => {
      studio = await openStudio(new Map());
      ({ page, complaints } = await studio.open('#/inside'));
    });

    afterAll(() => studio.close());

    it('shows the tape of the first example, with values and cotangents', async () => {
      // x·x, sin and their sum at 1 and 2: the gradient is 2x·cos x².
      await box(page, 'in0 float32[2] value 1, 2 cotangent 1.08, -2.61').waitFor();
      await box(page, 'v1 = sin(v0) float32[2] value 0.841, -0.757 cotangent 1, 1').click();
      await expect
        .poll(() => page.getByTestId('rule').textContent())
        .toBe('y = sin x ⇒ x̄ = ȳ·cos x');
      await page.waitForURL(/node=n1/);
      expect(complaints).toEqual([]);
    });

    it('steps back and forward along the tape, also by keys', async () => {
      await page.getByRole('button', { name: 'To the start' }).click();
      await box(page, 'v0 = mul(in0, in0) float32[2] not computed yet').waitFor();
      await page.getByRole('button', { name: 'One step on' }).click();
      await page
        .getByTestId('step')
        .getByText('Step 1 of 7, forward: v0 = mul(in0, in0)')
        .waitFor();
      await page.getByRole('slider').press('End');
      await page.getByTestId('step').getByText('All values').waitFor();
      await box(page, 'v1 = sin').focus();
      await page.keyboard.press('ArrowDown');
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { name: 'v2 = sum(v1)' }).waitFor();
      expect(complaints).toEqual([]);
    });

    it('draws boxes without texts where they are too small to read, and still names them', async () => {
      const sum = box(page, 'v2 = sum(v1) { axes: [0] } float32[]');
      await page.getByRole('button', { name: 'Show all of the graph' }).click();
      // A layout that arrives late shows all of itself again; texts go when the graph rests.
      const farther = async (): Promise<string | null> => {
        await page.getByRole('button', { name: 'Zoom out' }).click();
        await page.locator('.plane:not(.moving)').waitFor();
        return sum.textContent();
      };
      await expect.poll(farther, PATIENT).toBe('');
      await page.getByRole('button', { name: 'Show all of the graph' }).click();
      await expect.poll(() => sum.textContent(), PATIENT).toContain('v2 = sum(v1)');
    });

    it('shows the tape of the gradient, which is made of operations too', async () => {
      await page.getByRole('button', { name: 'its gradient', exact: true }).click();
      await box(page, 'v4 = cos(v1)').waitFor();
      expect(await box(page, 'v0 = alias(in0)').count()).toBe(1);
      await page.getByRole('button', { name: 'the function' }).click();
    });

    it('shows what the compiler makes of it, and which line became which', async () => {
      await page.getByRole('button', { name: 'its gradient', exact: true }).click();
      await page.getByRole('button', { name: 'what the compiler makes of it' }).click();
      const stages = '12 operations traced, 4 after simplifying, fused into 1 kernel';
      await page.getByTestId('stages').getByText(stages).waitFor();
      // Both terms of the product rule are the same product, so one of them goes.
      await page.getByRole('option', { name: 'v10 = mul(v8, v0)' }).click();
      await page.waitForURL(/pick=t10/);
      const simplified = page.getByRole('listbox', { name: 'Simplified' });
      const kept = simplified.getByRole('option', { selected: true });
      expect(await kept.textContent()).toContain('v2 = mul(v1, in0)');
      expect(await page.getByTestId('kernel').textContent()).toContain('add(t0, t0)');
      await page.getByRole('button', { name: 'Show its WebAssembly' }).click();
      const module = page.getByRole('textbox', { name: 'WebAssembly' });
      expect(await module.inputValue()).toMatch(/^\(module\n[^]*\(export "run"[^]*f32x4\.mul/);
      expect(complaints).toEqual([]);
      await page.getByLabel('Example').selectOption('softmax');
      await page.getByTestId('arena').getByText('3 temporaries in 128 bytes').waitFor();
      expect(await looksAt(page, 390)).toEqual({ width: 390, problems: [] });
      await page.setViewportSize({ width: 1200, height: 900 });
      await page.getByLabel('Example').selectOption('sine');
      await page.getByRole('button', { name: 'its tape' }).click();
    });

    it('runs what is written, and names the line, the operation and the shapes of an error', async () => {
      await write(page, 'const x = ones([2, 3]);\nlook((w) =>\n  w.matmul(x), x);');
      await page.getByRole('alert').getByText('ShapeError, line 3').waitFor();
      expect(await page.getByRole('alert').textContent()).toMatch(/matmul: .*\[2, 3\]/);
      expect(await page.locator('.cm-wrong').textContent()).toContain('w.matmul(x)');
      await write(page, 'const x = ones([2, 3]\nlook((w) => w, x);');
      await page.getByRole('alert').getByText('SyntaxError').waitFor();
      await page.locator('.cm-wrong').waitFor();
      await write(
        page,
        "import { exp as e } from '@tessera/tensor';\nlook((x) => x.neg(), scalar(5));",
      );
      await box(page, 'v0 = neg(in0) float32[] value -5 cotangent 1').waitFor();
    });

    it('stops code that never ends, and runs the next', async () => {
      await write(page, 'for (;;);');
      await page.getByText('Running …').waitFor();
      await page.getByRole('button', { name: 'Stop' }).click();
      await page.getByText('You stopped it.').waitFor();
      await write(page, 'look((x) => x.square(), scalar(3));');
      await box(page, 'v0 = mul(in0, in0) float32[] value 9').waitFor();
      expect(await page.getByText('You stopped it.').count()).toBe(0);
    });

    it('gives code neither network nor storage, and the page no eval', async () => {
      await write(
        page,
        `console.log(['fetch', 'indexedDB', 'caches', 'navigator', 'Worker', 'postMessage'].filter((name) => name in self).length);
         await import('data:text/javascript,0').catch((error) => console.log(error.name));
         look((x) => x.neg(), scalar(1));`,
      );
      await expect.poll(() => page.locator('pre').textContent()).toBe('0\nTypeError');
      const refused = 'import("data:text/javascript,0").then(() => "ran", () => "refused")';
      expect(await page.evaluate(refused)).toBe('refused');
    });

    it('opens and folds modules, and draws the same from its address', async () => {
      // An editor that takes a whole text at once is given styles by the browser, which the policy refuses.
      complaints.length = 0;
      await page.getByLabel('Example').selectOption('mlp');
      await box(page, 'v16 = Sequential(in4)').dblclick();
      await box(page, 'v3 = 0(in4)').click();
      await page.getByRole('button', { name: 'Open this module' }).click();
      await page.getByRole('button', { name: 'Fold 0: Linear' }).waitFor();
      await page.waitForURL(/open=Sequential%2CSequential%2F0/);
      await page.reload();
      await page.getByRole('button', { name: 'Fold 0: Linear' }).click();
      await box(page, 'v3 = 0(in4)').waitFor();
      expect(complaints).toEqual([]);
    });

    it.each([390, 1200])('fits a width of %d, and axe finds nothing serious', async (width) => {
      await expect.poll(() => looksAt(page, width), PATIENT).toEqual({ width, problems: [] });
    });
  },
);
