import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { bundle, type Bundle } from '../browser/bundle.ts';
import { findChromium, NO_CHROMIUM } from '../browser/chromium.ts';
import { ORDINARY, visitPages } from '../browser/pages.ts';
import type { DitTrainingResult } from '../browser/program/dit-training.ts';
import type { DrawnImages, TrainedImages } from '../browser/program/sampling.ts';
import type { TrainingResult } from '../browser/program/training.ts';
import { makeRun, RUN_PARTS } from './made-run.ts';
import { PackedProject, type Compilation } from './packed-project.ts';

// The packages as a user gets them: packed, installed in an empty project outside of the repository,
// and used from there by plain Node, by TypeScript, by a bundler and by a browser, none of which
// knows of `src`.

// Compilers, a bundler and a browser, on a machine that may be busy with other tests.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 300_000 });

const project = new PackedProject();

/** Sources of the pages: what runs in them runs in Node as well. */
const programs = fileURLToPath(new URL('../browser/program', import.meta.url));
/** What the page of the DiT reports. */
interface DitPage {
  readonly refusesEval: boolean;
  readonly isIsolated: boolean;
  readonly result: DitTrainingResult;
}

/** What the page reports whose threads cannot start. */
interface LoneThreadPage {
  readonly isIsolated: boolean;
  readonly relaxed: boolean;
  readonly threads: number;
  readonly notice: string;
  /** The losses of a training before that was known, and of one after. */
  readonly before: readonly number[];
  readonly after: readonly number[];
}

/** Of the program's network: 2 to 8 to 1, with biases. */
const PARAMETERS = 33;

/** Engines may round exp, tanh and sin differently by a unit of float64; steps multiply that. */
const BETWEEN_ENGINES = 1e-4;

beforeAll(() => {
  project.install();
});

afterAll(() => {
  project.remove();
});

describe('the tarballs', () => {
  it('are the packages that are published', () => {
    expect(project.tarballs.map((path) => basename(path).replace(/-\d.*/, ''))).toEqual([
      'tessera-autograd',
      'tessera-dit',
      'tessera-onnx',
      'tessera-tensor',
    ]);
  });

  it('hold the build with the page of the studio, the sources, the licence, and nothing else', () => {
    const expected =
      /^package\/(?:package\.json|LICENSE|README\.md|(?:bin|threads)\/[\w-]+\.js|src\/.*\.ts|rulers\/mnist\.safetensors|python\/[\w-]+\.py|weights\/mnist\/(?:base\/)*[\w.-]+|dist\/studio\/(?:[\w-]+\/)?[\w.-]+\.(?:html|css|js|svg|json|bin)|dist\/.*(?:\.js|\.d\.ts)(?:\.map)?)$/;
    for (const tarball of project.tarballs) {
      const files = execFileSync('tar', ['-tzf', tarball], { encoding: 'utf8' }).trim().split('\n');
      expect(files.filter((file) => !expected.test(file))).toEqual([]);
      expect(files).toContain('package/LICENSE');
      expect(files).toContain('package/src/index.ts');
      expect(files).toContain('package/dist/index.js');
      expect(files).toContain('package/dist/index.d.ts');
    }
  });
});

describe('plain Node', () => {
  it('computes with @tessera/tensor', () => {
    const output = project.runModule(`
      import { matmul, tensor } from '@tessera/tensor';
      const product = matmul(tensor([[1, 2], [3, 4]]), tensor([[5], [6]]));
      console.log(JSON.stringify(await product.toArray()));
    `);
    expect(JSON.parse(output)).toEqual([[17], [39]]);
  });

  it('differentiates, and trains a layer, with @tessera/autograd', () => {
    const output = project.runModule(`
      import { key, tensor } from '@tessera/tensor';
      import { grad } from '@tessera/autograd';
      import { Linear } from '@tessera/autograd/nn';
      import { clipByGlobalNorm } from '@tessera/autograd/optim';
      const slope = grad((x) => x.mul(x).mul(x).sum())(tensor([2]));
      const layer = new Linear(3, 2, { key: key(0) });
      const shape = layer.forward(tensor([[1, 2, 3]])).shape;
      console.log(JSON.stringify([await slope.toArray(), shape, typeof clipByGlobalNorm]));
    `);
    expect(JSON.parse(output)).toEqual([[12], [1, 2], 'function']);
  });

  it('loads the extension API', () => {
    const output = project.runModule(`
      import { primitives } from '@tessera/tensor/extend';
      console.log(primitives.matmul.name);
    `);
    expect(output.trim()).toBe('matmul');
  });

  it('draws shapes with @tessera/autograd/testing, beside fast-check', () => {
    const output = project.runModule(`
      import { assert, property } from 'fast-check';
      import { shapes } from '@tessera/autograd/testing';
      assert(property(shapes(), (shape) => Array.isArray(shape)));
      console.log('held');
    `);
    expect(output).toBe('held\n');
  });

  it('loads @tessera/dit and starts its command line', () => {
    expect(
      project.runModule(`console.log(Object.keys(await import('@tessera/dit')).length > 0)`).trim(),
    ).toBe('true');
    const bin = join(project.folder, 'node_modules/@tessera/dit/bin/tessera.js');
    const help = execFileSync(process.execPath, [bin, '--help'], {
      cwd: project.folder,
      encoding: 'utf8',
    });
    expect(help).toContain('train');
    expect(help).toContain('sample');
  });

  it('writes a file of exercises whose answers find the packages, and checks it', () => {
    const bin = join(project.folder, 'node_modules/@tessera/dit/bin/tessera.js');
    const learn = (): { status: number | null; stdout: string } =>
      spawnSync(process.execPath, [bin, 'learn', '4'], { cwd: project.folder, encoding: 'utf8' });
    expect(learn().stdout).toContain('Wrote learn-4.mjs');
    expect(learn()).toMatchObject({ status: 1 });
    expect(learn().stdout).toContain('0 of 4 pass.');
  });

  it.each([
    ['tensor', ['index', 'extend', 'linalg', 'testing/index', 'gpu']],
    ['autograd', ['index', 'nn/index', 'optim/index', 'debug/index', 'testing/index']],
    ['dit', ['index', 'node']],
  ])('loads few files of @tessera/%s, with the same exports as the many', (name, entries) => {
    project.write(
      'exports.js',
      `const kinds = (module) =>
        Object.entries(module).map(([name, value]) => [name, typeof value, value?.name ?? null]);
      const folder = './node_modules/@tessera/${name}/dist/';
      for (const entry of ${JSON.stringify(entries)}) {
        const [few, many] = await Promise.all(
          ['bundle/', ''].map((part) => import(folder + part + entry + '.js')),
        );
        const found = [kinds(few), kinds(many)].map((list) => JSON.stringify(list));
        console.log(found[0] === found[1] && found[0].length > 2);
      }`,
    );
    const { stdout, stderr } = project.run(process.execPath, ['exports.js']);
    expect([stderr, stdout]).toEqual(['', 'true\n'.repeat(entries.length)]);
    const output = project.runModule(
      `console.log(import.meta.resolve('@tessera/${name}').includes('/dist/bundle/index.js'));`,
    );
    expect(output).toBe('true\n');
  });

  it('reaches nothing behind the entries', () => {
    const result = spawnSync(
      process.execPath,
      ['--input-type=module', '--eval', `import '@tessera/tensor/dist/tensor.js'`],
      { cwd: project.folder, encoding: 'utf8' },
    );
    expect(result.stderr).toContain('ERR_PACKAGE_PATH_NOT_EXPORTED');
  });
});

describe('a bundle', () => {
  const FUNCTIONS = /^@tessera\/(?:autograd|tensor\/dist\/(?:ops|io))\//;

  it('of tensor alone works, without the functions, file formats and gradients beside it', async () => {
    const { modules, output } = await bundleAndRun(`
      import { tensor } from '@tessera/tensor';
      console.log(tensor([[1, 2], [3, 4]]).sum(0).toArraySync().join());
    `);
    expect(output).toBe('4,6\n');
    expect(modules).toContain('@tessera/tensor/dist/create.js');
    expect(modules.filter((module) => FUNCTIONS.test(module))).toEqual([]);
  });

  it('has what it imports, and leaves the rest', async () => {
    const { modules, output } = await bundleAndRun(`
      import { einsum, ones } from '@tessera/tensor';
      import { constantSchedule } from '@tessera/autograd/optim';
      console.log(einsum('ij,ij->', ones([2, 3]), ones([2, 3])).itemSync(), typeof constantSchedule);
    `);
    expect(output).toBe('6 function\n');
    const functions = modules.filter((module) => FUNCTIONS.test(module));
    expect(functions).toContain('@tessera/tensor/dist/ops/product/einsum.js');
    expect(functions).toContain('@tessera/autograd/dist/optim/schedule.js');
    expect(functions).not.toContain('@tessera/tensor/dist/ops/product/conv2d.js');
    expect(functions).not.toContain('@tessera/autograd/dist/optim/adamw.js');
    expect(functions).not.toContain('@tessera/autograd/dist/grad.js');
  });

  async function bundleAndRun(
    source: string,
  ): Promise<{ modules: readonly string[]; output: string }> {
    project.write('entry.js', source);
    const { modules, scripts } = await bundle(project.folder, ['entry.js']);
    expect(scripts).toHaveLength(1);
    return { modules, output: project.runModule(scripts[0]) };
  }
});

describe('one program', () => {
  const site = join(project.folder, 'site');
  const scripts = [
    'training-page.ts',
    'training-worker.ts',
    'sampling-page.ts',
    'dit-training-page.ts',
    'lone-thread-page.ts',
  ];
  const options = {
    rewriteRelativeImportExtensions: true,
    noEmit: false,
  };
  let compiled: Compilation;
  let built: Bundle;

  beforeAll(async () => {
    project.copy(programs, ['.ts', '.html']);
    const nodenext = { module: 'nodenext', moduleResolution: 'nodenext', outDir: 'out' };
    compiled = project.compile(scripts, { ...options, ...nodenext });
    const pages = ['training.html', 'sampling.html', 'dit-training.html', 'lone-thread.html'];
    built = await bundle(project.folder, pages, site);
    makeRun(project);
  });

  it('type-checks with moduleResolution nodenext and bundler', () => {
    expect(compiled).toEqual({ output: '', status: 0 });
    const bundler = { module: 'esnext', moduleResolution: 'bundler', outDir: 'out-bundler' };
    expect(project.compile(scripts, { ...options, ...bundler })).toEqual({ output: '', status: 0 });
  });

  it('trains in plain Node', () => {
    const { losses, eagerLosses, predictions, reloaded, fileSize, values } = trainInNode();
    expect(losses).toHaveLength(20);
    expect(losses[19]).toBeLessThan(losses[0] / 2);
    // A fused kernel rounds to float32 once, eager operations each time; steps multiply that.
    expect(largestDifference(eagerLosses, losses)).toBeLessThan(1e-5);
    expect(reloaded).toEqual(predictions);
    expect(fileSize).toBeGreaterThan(PARAMETERS * 4);
    expect(values[0][0]).toBeCloseTo(-Math.sin(1), 6);
  });

  it('writes ONNX models with @tessera/onnx', () => {
    const output = project.runModule(`
      import { toOnnx } from '@tessera/onnx';
      import { tensor } from '@tessera/tensor';
      const { bytes, nodes } = await toOnnx((x) => x.mul(tensor([2, 3])), { shape: [2], dtype: 'float32' });
      console.log(JSON.stringify([bytes.length > 100, nodes]));
    `);
    expect(JSON.parse(output)).toEqual([true, 2]);
  });

  it('draws from a trained run in plain Node', () => {
    const { sizes, bytes, steps } = drawInNode();
    expect(sizes).toEqual(Array.from({ length: 3 }, () => [32, 32]));
    expect(bytes).toHaveLength(3 * 4 * 32 * 32);
    expect(new Set(bytes).size).toBeGreaterThan(3);
    expect(steps).toEqual([1, 2, 3]);
  });

  it('goes from digits to latents to a trained model to images in plain Node', () => {
    const { losses, images } = trainAndDrawInNode();
    expect(losses).toHaveLength(16);
    expect(losses[7]).toBeLessThan(losses[0]);
    expect(images).toHaveLength(2 * 32 * 32);
    expect(images.every((value) => Number.isFinite(value))).toBe(true);
  });

  it('is built by Vite from the packed files and valibot, and asks for nothing of Node', () => {
    const packages = built.modules.flatMap((module) => {
      return /^(?:@[\w-]+\/)?[\w-]+\/dist\//.exec(module) ?? [];
    });
    expect([...new Set(packages)].sort()).toEqual([
      '@tessera/autograd/dist/',
      '@tessera/dit/dist/',
      '@tessera/tensor/dist/',
      'valibot/dist/',
    ]);
    expect(built.builtins).toEqual([]);
  });

  it('computes the same in a page of Chromium and in a worker, without eval', async ({ skip }) => {
    const browser = findChromium();
    if (browser === null) {
      process.stderr.write(`the browser test is skipped: ${NO_CHROMIUM}\n`);
      return skip(NO_CHROMIUM);
    }
    const pages = { training: ['page', 'worker'], sampling: ['page', 'training'] };
    const fetchable = new Map(
      RUN_PARTS.map((file) => [`/run/${file}`, readFileSync(join(project.folder, 'run', file))]),
    );
    const visit = { ...ORDINARY, fetchable };
    const { training, sampling } = await visitPages(browser, site, pages, true, visit);
    const trained = { refusesEval: true, result: trainInNode() };
    expect(largestDifference(training.outputs['page'], trained)).toBeLessThan(BETWEEN_ENGINES);
    expect(largestDifference(training.outputs['worker'], trained)).toBeLessThan(BETWEEN_ENGINES);
    // A byte may round the other way.
    expect(largestDifference(sampling.outputs['page'], drawInNode())).toBeLessThanOrEqual(1);
    expect(largestDifference(sampling.outputs['training'], trainAndDrawInNode())).toBeLessThan(
      BETWEEN_ENGINES,
    );
    expect([...training.complaints, ...sampling.complaints]).toEqual([]);
  });

  describe.each([
    { place: 'that is cross-origin isolated, on threads', isolated: true },
    { place: 'that is not isolated, on one thread', isolated: false },
  ])('in a page $place', ({ isolated }) => {
    it('a DiT is trained on wasm as in Node', async ({ skip }) => {
      const browser = findChromium();
      if (browser === null) return skip(NO_CHROMIUM);
      const pages = { 'dit-training': ['page'] };
      const { 'dit-training': report } = await visitPages(browser, site, pages, isolated);
      const page = report.outputs['page'] as DitPage;
      const { result } = page;
      expect(report.complaints).toEqual([]);
      expect(page).toMatchObject({ refusesEval: true, isIsolated: isolated });
      expect(result.threads).toBe(isolated ? availableParallelism() : 1);
      expect(report.workers).toEqual(Array.from({ length: result.threads - 1 }, () => 'thread'));
      expect(result.losses[19]).toBeLessThan(result.losses[0]);
      // One program on one instruction set gives one result, whoever runs it and on how many threads.
      const { relaxed } = result;
      const node = runInNode('dit-training', 'trainDit', { relaxed }) as DitTrainingResult;
      expect(node.losses).toEqual(result.losses);
      expect(node.gradNorms).toEqual(result.gradNorms);
    });
  });

  it('a page computes on one thread where its bundler left out the file of the threads, and says so', async ({
    skip,
  }) => {
    const browser = findChromium();
    if (browser === null) return skip(NO_CHROMIUM);
    const incomplete = join(project.folder, 'site-without-threads');
    cpSync(site, incomplete, {
      recursive: true,
      filter: (path) => !/^thread-[\w-]+\.js$/.test(basename(path)),
    });
    const { 'lone-thread': report } = await visitPages(
      browser,
      incomplete,
      { 'lone-thread': ['page'] },
      true,
    );
    const page = report.outputs['page'] as LoneThreadPage;
    expect(page).toMatchObject({ isIsolated: true, threads: 1 });
    expect(page.notice).toContain('no threads can be started (its file did not load)');
    // The browser tells of the files that are missing, once a thread; the backend of what that means, once.
    expect(report.complaints.filter((text) => text.startsWith('wasmBackend'))).toEqual([
      page.notice,
    ]);
    const node = runInNode('dit-training', 'trainDit', { relaxed: page.relaxed, threads: 1 });
    const { losses } = node as DitTrainingResult;
    expect([page.before, page.after]).toEqual([losses, losses]);
  });

  function trainInNode(): TrainingResult {
    return runInNode('training', 'train') as TrainingResult;
  }

  /** What the page of samples draws, with the same files read from the disk. */
  function drawInNode(): DrawnImages {
    const output = project.runModule(`
      import { readFileSync } from 'node:fs';
      import { drawFromRun } from './out/sampling.js';
      const [config, autoencoder, model] = ${JSON.stringify(RUN_PARTS)}.map((file) =>
        readFileSync('run/' + file),
      );
      const drawn = await drawFromRun({ config: config.toString(), autoencoder, model });
      console.log(JSON.stringify(drawn));
    `);
    return JSON.parse(output) as DrawnImages;
  }

  function trainAndDrawInNode(): TrainedImages {
    return runInNode('sampling', 'trainAndDraw') as TrainedImages;
  }

  function runInNode(module: string, name: string, argument: unknown = {}): unknown {
    return JSON.parse(
      project.runModule(`
        import { ${name} } from './out/${module}.js';
        console.log(JSON.stringify(await ${name}(${JSON.stringify(argument)})));
      `),
    );
  }
});

/** The largest difference of the numbers of two values of one structure; all else must be equal. */
function largestDifference(actual: unknown, expected: unknown): number {
  if (typeof actual === 'number' && typeof expected === 'number') {
    return Math.abs(actual - expected);
  }
  if (typeof expected !== 'object' || expected === null) {
    expect(actual).toBe(expected);
    return 0;
  }
  const others = Object.entries(actual as object);
  const entries = Object.entries(expected);
  expect(others.map(([key]) => key)).toEqual(entries.map(([key]) => key));
  return Math.max(0, ...entries.map(([, value], i) => largestDifference(others[i][1], value)));
}
