import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { PackedProject } from './packed-project.ts';
import { installFromRegistry } from './registry.ts';
import { ON_THREADS, USES } from './uses.ts';

// The packed packages in what runs JavaScript: Node with its options, test runners, Bun and Deno.

vi.setConfig({ testTimeout: 180_000, hookTimeout: 600_000 });

const project = new PackedProject();
const tools = join(project.folder, 'tools');
const vitest = fileURLToPath(new URL('../../node_modules/vitest/vitest.mjs', import.meta.url));
const [major] = process.versions.node.split('.').map(Number);
let hasTools = false;

/** A test of the test runners, in their common words. */
const SMOKE = `
  it('computes', async () => {
    const { key, matmul, normal, setDefaultBackend, wasmBackend } = await import('@tessera/tensor');
    const backend = wasmBackend({ threads: 2 });
    setDefaultBackend(backend);
    const x = normal(key(0), [300, 300]);
    expect(matmul(x, x).shape).toEqual([300, 300]);
    expect([backend.threads, backend.notice]).toEqual([2, null]);
  });
`;

beforeAll(() => {
  project.install();
  project.link('vitest');
  project.write('uses.js', USES);
  hasTools = installFromRegistry(tools, ['bun@1', 'deno@2', 'jest@30']);
});

afterAll(() => {
  project.remove();
});

/** The first program among those that a package has for this kind of machine which starts here. */
function programOf(scope: string, path: string): string {
  const folder = join(tools, 'node_modules', scope);
  const programs = readdirSync(folder).map((name) => join(folder, name, path));
  const found = programs.find((each) => project.run(each, ['--version']).status === 0);
  if (found === undefined) throw new Error(`no program of ${scope} starts on this machine.`);
  return found;
}

describe('Node', () => {
  it.each([
    '--conditions=default',
    '--disallow-code-generation-from-strings',
    '--frozen-intrinsics',
  ])('with %s computes on threads', (option) => {
    const { status, stdout } = project.run(process.execPath, [option, 'uses.js']);
    expect([status, JSON.parse(stdout)]).toEqual([0, ON_THREADS]);
  });

  it('computes on threads in code of the command line', () => {
    const args = ['--input-type=module', '--eval', USES];
    expect(JSON.parse(project.run(process.execPath, args).stdout)).toEqual(ON_THREADS);
  });

  it('computes on threads where CommonJS requires the packages', () => {
    project.write(
      'uses.cjs',
      USES.replaceAll(/import (\{.*\}) from ('.*');/g, 'const $1 = require($2);'),
    );
    expect(JSON.parse(project.run(process.execPath, ['uses.cjs']).stdout)).toEqual(ON_THREADS);
  });

  it('computes on one thread where it may start no other, and says so at once', () => {
    const permission = major < 23 ? '--experimental-permission' : '--permission';
    const { stdout, stderr } = project.run(process.execPath, [
      permission,
      '--allow-fs-read=*',
      'uses.js',
    ]);
    const { notice, ...found } = JSON.parse(stdout) as { readonly notice: string };
    expect(notice).toMatch(/^wasmBackend: no threads can be started \(Access to this API /);
    expect(stderr.split(notice)).toHaveLength(2);
    expect({ ...found, notice: null }).toEqual({ ...ON_THREADS, threads: 1, started: 0 });
  });
});

describe('test runners', () => {
  it.each(['forks', 'threads', 'vmThreads'])('vitest with pool %s', (pool) => {
    project.write('smoke.test.js', `import { expect, it } from 'vitest';${SMOKE}`);
    const { status, stdout } = project.run(process.execPath, [vitest, 'run', `--pool=${pool}`]);
    expect([status, stdout]).toEqual([0, expect.stringContaining('1 passed')]);
  });

  it('Jest with modules', ({ skip }) => {
    if (!hasTools) return skip();
    project.write('smoke.jest.js', SMOKE);
    project.write('jest.json', '{ "transform": {}, "testMatch": ["<rootDir>/*.jest.js"] }');
    const jest = join(tools, 'node_modules/jest/bin/jest.js');
    const args = ['--experimental-vm-modules', jest, '--config=jest.json'];
    const { status, stderr } = project.run(process.execPath, args);
    expect([status, stderr]).toEqual([0, expect.stringContaining('1 passed')]);
    expect(stderr).not.toContain('did not exit');
  });
});

describe('other engines', () => {
  it('Bun computes on threads', ({ skip }) => {
    if (!hasTools) return skip();
    const { stdout, status } = project.run(programOf('@oven', 'bin/bun'), ['uses.js']);
    expect([status, JSON.parse(stdout)]).toEqual([0, ON_THREADS]);
  });

  it('Deno computes on threads, with no permission at all', ({ skip }) => {
    if (!hasTools) return skip();
    const args = ['run', '--no-prompt', '--node-modules-dir=manual', 'uses.js'];
    const { stdout, status } = project.run(programOf('@deno', 'deno'), args);
    expect([status, JSON.parse(stdout)]).toEqual([0, ON_THREADS]);
  });
});
