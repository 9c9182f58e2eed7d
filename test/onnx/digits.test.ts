import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { runInThisContext } from 'node:vm';
import { fromBinary } from '@bufbuild/protobuf';
import { exportToOnnx, readImages, readRuler } from '@tessera/dit/node';
import { ModelProtoSchema } from 'onnx-buf';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findChromium, NO_CHROMIUM } from '../browser/chromium.ts';
import { ORDINARY, visitPages } from '../browser/pages.ts';

// The programs of the README of @tessera/onnx, which draw with the shipped weights and without Tessera.

/** The program for Node, and what a page does after it; without their imports. */
const [program, canvas] = programs();

/** Numbers in [0, 1) in place of random ones (mulberry32), so that every run draws the same digits. */
const SEEDED = `
  let state = 1;
  Math.random = () => {
    state = (state + 0x6d2b79f5) | 0;
    let word = Math.imul(state ^ (state >>> 15), state | 1);
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61);
    return ((word ^ (word >>> 14)) >>> 0) / 2 ** 32;
  };`;

/** What onnxruntime-web consists of in a page on one thread. */
const RUNTIME = ['ort.wasm.min.mjs', 'ort-wasm-simd-threaded.mjs', 'ort-wasm-simd-threaded.wasm'];

const MODELS = ['denoiser.onnx', 'decoder.onnx'] as const;

/** One thread compiles 14 MB of WebAssembly and draws, perhaps beside other tests. */
const PATIENCE_MS = 240_000;

const chromium = findChromium();

let folder = '';

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tessera-digits-'));
  const [denoiser, decoder] = MODELS.map((file) => join(folder, file));
  const told = { conditions: ['label'] };
  await exportToOnnx({ what: 'denoiser', out: denoiser, batch: 10, ...told });
  await exportToOnnx({ what: 'decoder', out: decoder, batch: 10 });
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** The fences marked `js`, without the lines that import. */
function programs(): readonly string[] {
  const readme = new URL('../../packages/onnx/README.md', import.meta.url);
  const fences = readFileSync(readme, 'utf8').matchAll(/```js\n([\s\S]*?)```/g);
  return [...fences].map(([, code]) => code.replace(/^import .*$/m, ''));
}

/** How many of ten images are the digits 0 to 9, as a network reads them. */
async function rightDigits(images: Float32Array): Promise<number> {
  const { classes } = await readImages(await readRuler(), images);
  return Array.from(classes).filter((digit, i) => digit === i).length;
}

it('have weights by the names of the checkpoint', () => {
  const names = MODELS.map((file) => {
    const { graph } = fromBinary(ModelProtoSchema, readFileSync(join(folder, file)));
    const weights = graph?.initializer.filter(({ dims }) => dims.length > 1) ?? [];
    return weights.map(({ name }) => name);
  });
  expect(names[0]).toContain('blocks.0.attn.qkv.weight');
  // The others are the frequencies of timesteps.
  expect(names[0].filter((name) => !/\.(weight|value|position_embedding)$/.test(name))).toEqual([
    'c0',
    'c1',
    'c2',
  ]);
  expect(names[1]).toEqual(['fromLatent.weight', 'decoder.0.weight', 'toPixels.weight']);
});

describe('ten lines without Tessera', () => {
  it('draw digits with onnxruntime-node', async () => {
    const random = Math.random;
    const here = { create: (file: string) => InferenceSession.create(join(folder, file)) };
    const draw = runInThisContext(
      `async (InferenceSession, Tensor) => { ${SEEDED} ${program} return images.data; }`,
    ) as (...args: unknown[]) => Promise<Float32Array>;
    try {
      expect(await rightDigits(await draw(here, Tensor))).toBeGreaterThanOrEqual(9);
    } finally {
      Math.random = random;
    }
  });

  it.skipIf(chromium === null)(
    `draw digits in a page with onnxruntime-web, without eval${chromium === null ? ` (skipped: ${NO_CHROMIUM})` : ''}`,
    async () => {
      const entry = createRequire(import.meta.url).resolve('onnxruntime-web/wasm');
      const fetchable = new Map(
        [
          ...RUNTIME.map((file) => join(dirname(entry), file)),
          ...MODELS.map((file) => join(folder, file)),
        ].map((path) => [`/${path.slice(path.lastIndexOf('/') + 1)}`, readFileSync(path)] as const),
      );
      const report = `
        const { data } = canvas.getContext('2d').getImageData(0, 0, 32, 320);
        const output = Object.assign(document.createElement('output'), { id: 'digits' });
        output.textContent = JSON.stringify(Array.from(data.filter((_, i) => i % 4 === 0)));
        output.dataset.state = 'done';
        document.body.append(output);`;
      const site = mkdtempSync(join(tmpdir(), 'tessera-digits-page-'));
      const page = `import { InferenceSession, Tensor } from './ort.wasm.min.mjs';`;
      writeFileSync(join(site, 'page.js'), `${page}${SEEDED}${program}${canvas}${report}`);
      const html =
        '<!doctype html><meta charset="utf-8"><body><script type="module" src="page.js"></script>';
      writeFileSync(join(site, 'digits.html'), html);
      try {
        const pages = { digits: ['digits'] };
        const options = { ...ORDINARY, timeoutMs: PATIENCE_MS, fetchable };
        const { digits } = await visitPages(chromium ?? '', site, pages, false, options);
        const grey = digits.outputs['digits'] as readonly number[];
        const images = Float32Array.from(grey, (value) => value / 127.5 - 1);
        expect(await rightDigits(images)).toBeGreaterThanOrEqual(9);
        expect(digits.complaints).toEqual([]);
      } finally {
        rmSync(site, { recursive: true });
      }
    },
    PATIENCE_MS,
  );
});
