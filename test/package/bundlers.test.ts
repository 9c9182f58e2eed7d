import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build as esbuild, type BuildOptions } from 'esbuild';
import { rolldown } from 'rolldown';
import { build as vite } from 'vite';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { bundle } from '../browser/bundle.ts';
import { PackedProject } from './packed-project.ts';
import { installFromRegistry } from './registry.ts';
import { ON_THREADS, USES } from './uses.ts';

// Bundles of the packed packages, run where nothing else lies beside them.

vi.setConfig({ testTimeout: 240_000, hookTimeout: 600_000 });

const project = new PackedProject();
const tools = join(project.folder, 'tools');
const entry = join(project.folder, 'uses.js');
/** The bundles, and no package. */
const bundles = mkdtempSync(join(tmpdir(), 'tessera-bundles-'));
let hasTools = false;

/** Words of a comment in the program of a thread. */
const THREAD_TEXT = 'Runs in a row after which a thread reads its messages';

beforeAll(() => {
  project.install();
  project.write('uses.js', USES);
  hasTools = installFromRegistry(tools, [
    'rollup@4',
    '@rollup/plugin-node-resolve@16',
    'webpack@5',
  ]);
});

afterAll(() => {
  project.remove();
  rmSync(bundles, { recursive: true });
});

/** What a bundle in the empty folder prints. */
function run(file: string): unknown {
  const { status, stdout, stderr } = project.run(process.execPath, [join(bundles, file)]);
  expect([status, stderr]).toEqual([0, '']);
  return JSON.parse(stdout);
}

/** Runs a script of a bundler that was installed for these tests; gives what it prints. */
function build(script: string): unknown {
  project.write('tools/build.js', script);
  const { status, stdout, stderr } = project.run(process.execPath, ['tools/build.js']);
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout);
}

describe('a bundle for Node computes on threads, from', () => {
  it.each([
    { format: 'esm', file: 'esbuild.mjs' },
    { format: 'cjs', file: 'esbuild.cjs' },
  ] as const)('esbuild, as $format', async ({ format, file }) => {
    const outfile = join(bundles, file);
    const { warnings } = await esbuild({ ...forNode(entry), format, outfile });
    expect(warnings).toEqual([]);
    expect(run(file)).toEqual(ON_THREADS);
  });

  it('rolldown', async () => {
    const input = await rolldown({ input: entry, platform: 'node' });
    await input.write({ file: join(bundles, 'rolldown.mjs'), minify: true });
    await input.close();
    expect(run('rolldown.mjs')).toEqual(ON_THREADS);
  });

  it('Vite', async () => {
    await vite({
      root: project.folder,
      configFile: false,
      logLevel: 'error',
      ssr: { noExternal: true },
      build: {
        ssr: entry,
        outDir: join(bundles, 'vite'),
        rolldownOptions: { output: { entryFileNames: 'main.mjs' } },
      },
    });
    expect(run('vite/main.mjs')).toEqual(ON_THREADS);
  });

  it('Rollup, which is not told that it is for Node', ({ skip }) => {
    if (!hasTools) return skip();
    const warnings = build(`
      import { rollup } from 'rollup';
      import { nodeResolve } from '@rollup/plugin-node-resolve';
      const warnings = [];
      const input = await rollup({
        input: ${JSON.stringify(entry)},
        plugins: [nodeResolve()],
        onwarn: ({ message }) => warnings.push(message),
      });
      await input.write({ file: ${JSON.stringify(join(bundles, 'rollup.mjs'))} });
      console.log(JSON.stringify(warnings));
    `);
    expect(warnings).toEqual([]);
    expect(run('rollup.mjs')).toEqual(ON_THREADS);
  });

  it('webpack', ({ skip }) => {
    if (!hasTools) return skip();
    expect(webpack('node', 'webpack', 'main.cjs')).toEqual([]);
    expect(run('webpack/main.cjs')).toEqual(ON_THREADS);
  });
});

describe('a bundle for pages has a file for its threads in place of their text, from', () => {
  it('Vite', async () => {
    const { scripts } = await bundle(project.folder, ['uses.js']);
    expect(scripts.filter((script) => script.includes(THREAD_TEXT))).toEqual([]);
  });

  it('webpack', ({ skip }) => {
    if (!hasTools) return skip();
    expect(webpack('web', 'page', 'main.js')).toEqual([]);
    const scripts = readdirSync(join(bundles, 'page'));
    expect(scripts).toHaveLength(2);
    const main = readFileSync(join(bundles, 'page/main.js'), 'utf8');
    expect(main).not.toContain(THREAD_TEXT);
    expect(main).toContain('new Worker(new URL(');
  });
});

describe('a bundle whose minifier renames classes', () => {
  const NAMES = `
    import * as tensor from '@tessera/tensor';
    import * as gpu from '@tessera/tensor/gpu';
    import * as autograd from '@tessera/autograd';
    import * as nn from '@tessera/autograd/nn';
    import * as dit from '@tessera/dit';
    const { ones, TesseraError, TreeNode } = tensor;
    const isNamed = (value) =>
      value === TesseraError || value === dit.Generator || value.prototype instanceof TesseraError ||
      (value.prototype instanceof TreeNode && value !== nn.Module);
    const names = [tensor, gpu, autograd, nn, dit]
      .flatMap((entry) => Object.entries(entry))
      .filter(([, value]) => typeof value === 'function' && isNamed(value))
      .map(([name, value]) => [name, value.name]);
    let refusal;
    try { ones([2]).add(ones([3])); } catch (error) { refusal = [error.name, String(error)]; }
    const layer = new nn.Linear(1, 1, { key: tensor.key(0) });
    console.log(JSON.stringify({ names, refusal, summary: nn.summary(layer, ones([1, 1])) }));
  `;

  it.each(['esbuild', 'rolldown'])('keeps the names of errors and modules, by %s', async (tool) => {
    project.write('names.js', NAMES);
    const input = join(project.folder, 'names.js');
    const external = ['gpu.js', 'webgpu'];
    const file = join(bundles, `names-${tool}.mjs`);
    if (tool === 'esbuild') {
      await esbuild({ ...forNode(input), external, format: 'esm', outfile: file });
    } else {
      const graph = await rolldown({ input, external, platform: 'node' });
      await graph.write({ file, minify: true, codeSplitting: false });
      await graph.close();
    }
    const { names, refusal, summary } = run(`names-${tool}.mjs`) as {
      readonly names: readonly (readonly [string, string])[];
      readonly refusal: readonly string[];
      readonly summary: string;
    };
    expect(names.length).toBeGreaterThan(25);
    expect(names.filter(([name, kept]) => name !== kept)).toEqual([]);
    expect(refusal[0]).toBe('ShapeError');
    expect(refusal[1]).toMatch(/^ShapeError: add: /);
    expect(summary).toContain('Linear');
  });
});

it('a class is whole where the engine has no Symbol.dispose', async () => {
  const { outputFiles } = await esbuild({
    stdin: {
      contents: `import { tensor } from '@tessera/tensor'; export const sum = tensor([1, 2]).sum().itemSync();`,
      resolveDir: project.folder,
    },
    bundle: true,
    write: false,
    platform: 'node',
    format: 'cjs',
    banner: {
      js: `const Symbol = Object.setPrototypeOf(
        (text) => globalThis.Symbol(text),
        Object.create(globalThis.Symbol, { dispose: { value: undefined } }),
      );`,
    },
    footer: { js: 'console.log(module.exports.sum);' },
    logLevel: 'silent',
  });
  project.write('old.cjs', outputFiles[0].text);
  expect(project.run(process.execPath, ['old.cjs']).stdout).toBe('3\n');
});

/** How esbuild is told to bundle for Node. */
function forNode(input: string): BuildOptions {
  return {
    entryPoints: [input],
    bundle: true,
    minify: true,
    platform: 'node',
    logLevel: 'silent',
  };
}

/** Builds with webpack; gives what it complains about. */
function webpack(target: string, folder: string, filename: string): unknown {
  return build(`
    import webpack from 'webpack';
    webpack({
      mode: 'production',
      target: ${JSON.stringify(target)},
      entry: ${JSON.stringify(entry)},
      output: { path: ${JSON.stringify(join(bundles, folder))}, filename: '${filename}' },
      optimization: { minimize: false },
      performance: false,
    }, (error, stats) => {
      if (error) throw error;
      const { errors, warnings } = stats.toJson({ all: false, errors: true, warnings: true });
      console.log(JSON.stringify([...errors, ...warnings].map(({ message }) => message)));
    });
  `);
}
