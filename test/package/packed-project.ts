import { execFileSync, spawnSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packPackages } from '../../scripts/pack-packages.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const tsc = join(root, 'node_modules/typescript/bin/tsc');

/** What the compiler said. */
export interface Compilation {
  readonly output: string;
  readonly status: number | null;
}

/**
 * An empty project outside of the repository, with the packages as a user gets them: packed and
 * installed. Neither Node nor TypeScript nor a bundler finds `src` from there.
 */
export class PackedProject {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'tessera-project-'));
  /** Paths of the packed packages, by name; empty before {@link install}. */
  tarballs: readonly string[] = [];

  /** Builds, packs and installs; takes some seconds, and no network. */
  install(): void {
    for (const args of [
      [tsc, '-b', 'packages/onnx', 'packages/dit'],
      ['scripts/bundle-for-node.js'],
    ]) {
      execFileSync(process.execPath, args, { cwd: root, stdio: 'inherit' });
    }
    mkdirSync(join(this.folder, 'tarballs'));
    this.tarballs = packPackages(join(this.folder, 'tarballs'));
    this.write('package.json', JSON.stringify({ private: true, type: 'module' }));
    const [autograd, dit, onnx, tensor] = this.tarballs;
    const options = ['--offline', '--ignore-scripts', '--no-audit', '--no-fund'];
    execFileSync('npm', ['install', ...options, '--loglevel=error', tensor, autograd], {
      cwd: this.folder,
    });
    this.#installBesideRepository('onnx', onnx);
    this.#installBesideRepository('dit', dit);
    this.link('fast-check'); // which @tessera/autograd/testing leaves to its users
  }

  /** Writes a file, given by its path from the project. */
  write(file: string, text: string): void {
    writeFileSync(join(this.folder, file), text);
  }

  /** Copies the files of a folder with one of these extensions into the project. */
  copy(folder: string, extensions: readonly string[]): void {
    cpSync(folder, this.folder, {
      recursive: true,
      filter: (path) => path === folder || extensions.includes(extname(path)),
    });
  }

  /** What a module prints that stands in the project. */
  runModule(source: string): string {
    this.write('main.js', source);
    return execFileSync(process.execPath, ['main.js'], { cwd: this.folder, encoding: 'utf8' });
  }

  /** Runs a program in the project, which may fail, complain or not end; `status` is then `null`. */
  run(
    program: string,
    args: readonly string[],
  ): { status: number | null; stdout: string; stderr: string } {
    return spawnSync(program, args, { cwd: this.folder, encoding: 'utf8', timeout: 150_000 });
  }

  /** Runs the TypeScript compiler, strict, on files of the project. */
  compile(files: readonly string[], options: Readonly<Record<string, unknown>>): Compilation {
    const compilerOptions = {
      target: 'es2023',
      lib: ['es2023', 'dom'],
      types: [],
      strict: true,
      skipLibCheck: false,
      exactOptionalPropertyTypes: true,
      noEmit: true,
      ...options,
    };
    this.write('tsconfig.json', JSON.stringify({ compilerOptions, files }));
    const result = spawnSync(process.execPath, [tsc, '-p', this.folder], { encoding: 'utf8' });
    return { output: result.stdout, status: result.status };
  }

  /** Puts the repository's copy of a package of the registry in the project. */
  link(name: string): void {
    const link = join(this.folder, 'node_modules', name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(root, 'node_modules', name), link, 'dir');
  }

  /** Deletes the project. */
  remove(): void {
    rmSync(this.folder, { recursive: true });
  }

  /**
   * Unpacks a package whose dependencies come from the registry, and links those to the copies that
   * the repository has installed, so that the test needs no network.
   */
  #installBesideRepository(name: string, tarball: string): void {
    const folder = join(this.folder, 'node_modules/@tessera', name);
    mkdirSync(folder);
    execFileSync('tar', ['-xzf', tarball, '--strip-components=1', '-C', folder]);
    const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
      readonly dependencies: Readonly<Record<string, string>>;
    };
    const foreign = Object.keys(manifest.dependencies).filter(
      (dependency) => !dependency.startsWith('@tessera/'),
    );
    for (const dependency of foreign) this.link(dependency);
  }
}
