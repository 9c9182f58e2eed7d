import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packPackages } from '../../scripts/pack-packages.js';

// The packages as a user gets them: packed, installed in an empty project outside of the repository,
// and used from there by plain Node and by TypeScript, neither of which knows of `src`.

const root = fileURLToPath(new URL('../../', import.meta.url));
const tsc = join(root, 'node_modules/typescript/bin/tsc');
const project = mkdtempSync(join(tmpdir(), 'tessera-project-'));
let tarballs: readonly string[] = [];

beforeAll(() => {
  execFileSync(process.execPath, [tsc, '-b', 'packages/dit'], { cwd: root, stdio: 'inherit' });
  mkdirSync(join(project, 'tarballs'));
  tarballs = packPackages(join(project, 'tarballs'));
  write('package.json', JSON.stringify({ private: true, type: 'module' }));
  const [autograd, dit, tensor] = tarballs;
  const options = ['--offline', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  execFileSync('npm', ['install', ...options, tensor, autograd], { cwd: project });
  installBesideRepository(dit);
}, 120_000);

afterAll(() => {
  rmSync(project, { recursive: true });
});

describe('the tarballs', () => {
  it('are the three packages', () => {
    expect(tarballs.map((path) => basename(path).replace(/-\d.*/, ''))).toEqual([
      'tessera-autograd',
      'tessera-dit',
      'tessera-tensor',
    ]);
  });

  it('hold the build, the sources it was made from, the licence, and nothing else', () => {
    const expected =
      /^package\/(?:package\.json|LICENSE|README\.md|bin\/[\w-]+\.js|src\/.*\.ts|dist\/.*(?:\.js|\.d\.ts)(?:\.map)?)$/;
    for (const tarball of tarballs) {
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
    const output = runModule(`
      import { matmul, tensor } from '@tessera/tensor';
      const product = matmul(tensor([[1, 2], [3, 4]]), tensor([[5], [6]]));
      console.log(JSON.stringify(await product.toArray()));
    `);
    expect(JSON.parse(output)).toEqual([[17], [39]]);
  });

  it('differentiates, and trains a layer, with @tessera/autograd', () => {
    const output = runModule(`
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
    const output = runModule(`
      import { primitives } from '@tessera/tensor/extend';
      console.log(primitives.matmul.name);
    `);
    expect(output.trim()).toBe('matmul');
  });

  it('loads @tessera/dit and starts its command line', () => {
    expect(
      runModule(`console.log(Object.keys(await import('@tessera/dit')).length > 0)`).trim(),
    ).toBe('true');
    const bin = join(project, 'node_modules/@tessera/dit/bin/tessera.js');
    const help = execFileSync(process.execPath, [bin, '--help'], {
      cwd: project,
      encoding: 'utf8',
    });
    expect(help).toContain('train');
    expect(help).toContain('sample');
  });

  it('reaches nothing behind the entries', () => {
    const result = spawnSync(
      process.execPath,
      ['--input-type=module', '--eval', `import '@tessera/tensor/dist/tensor.js'`],
      { cwd: project, encoding: 'utf8' },
    );
    expect(result.stderr).toContain('ERR_PACKAGE_PATH_NOT_EXPORTED');
  });
});

describe.each([
  { resolution: 'nodenext', module: 'nodenext' },
  { resolution: 'bundler', module: 'esnext' },
])('TypeScript with moduleResolution $resolution', ({ resolution, module }) => {
  const entries = [
    '@tessera/tensor',
    '@tessera/tensor/extend',
    '@tessera/autograd',
    '@tessera/autograd/nn',
    '@tessera/autograd/optim',
    '@tessera/dit',
  ];

  it('reads the types of every entry, with the library check on, and types values', () => {
    const imports = entries.map((entry, i) => `import * as e${i} from '${entry}';`).join('\n');
    const uses = entries.map((_, i) => `e${i}`).join(', ');
    const { output, status } = compile(`
      ${imports}
      import { tensor, type Tensor } from '@tessera/tensor';
      import { grad } from '@tessera/autograd';
      export const entries = [${uses}];
      export const slope: Tensor = grad((x: Tensor) => x.mul(2).sum())(tensor([1, 2]));
      export const values: Promise<ArrayLike<number>> = slope.data();
    `);
    expect(output).toBe('');
    expect(status).toBe(0);
  });

  it('refuses a wrong type', () => {
    const { output, status } = compile(`
      import { tensor } from '@tessera/tensor';
      export const sum: string = tensor([1, 2]).sum();
    `);
    expect(output).toContain("Type 'Tensor' is not assignable to type 'string'");
    expect(status).not.toBe(0);
  });

  function compile(source: string): { output: string; status: number | null } {
    write('main.ts', source);
    const compilerOptions = {
      module,
      moduleResolution: resolution,
      target: 'es2023',
      lib: ['es2023', 'esnext.disposable'],
      types: [],
      strict: true,
      noEmit: true,
    };
    write('tsconfig.json', JSON.stringify({ compilerOptions, files: ['main.ts'] }));
    const result = spawnSync(process.execPath, [tsc, '-p', project], { encoding: 'utf8' });
    return { output: result.stdout, status: result.status };
  }
});

function write(file: string, text: string): void {
  writeFileSync(join(project, file), text);
}

/** What a module prints that stands in the project. */
function runModule(source: string): string {
  write('main.js', source);
  return execFileSync(process.execPath, ['main.js'], { cwd: project, encoding: 'utf8' });
}

/**
 * Unpacks a package whose dependencies come from the registry, and links those to the copies that the
 * repository has installed, so that the test needs no network.
 */
function installBesideRepository(tarball: string): void {
  const folder = join(project, 'node_modules/@tessera/dit');
  mkdirSync(folder);
  execFileSync('tar', ['-xzf', tarball, '--strip-components=1', '-C', folder]);
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
    readonly dependencies: Readonly<Record<string, string>>;
  };
  const foreign = Object.keys(manifest.dependencies).filter(
    (name) => !name.startsWith('@tessera/'),
  );
  for (const name of foreign) {
    const link = join(project, 'node_modules', name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(root, 'node_modules', name), link, 'dir');
  }
}
