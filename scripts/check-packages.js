// Checks the packed packages as a user would download them: layout and types.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { packPackages } from './pack-packages.js';

const directory = mkdtempSync(join(tmpdir(), 'tessera-pack-'));
const attwOptions = ['--profile', 'esm-only', '--format', 'ascii', '--no-summary', '--no-emoji'];

let failures = 0;
try {
  for (const tarball of packPackages(directory)) {
    console.log(`\n${basename(tarball)}`);
    const layout = spawnSync('npx', ['--no', '--', 'publint', 'run', '--strict', tarball], {
      stdio: 'inherit',
    });
    const types = spawnSync('npx', ['--no', '--', 'attw', ...attwOptions, tarball], {
      stdio: 'inherit',
    });
    failures += [layout, types].filter(({ status }) => status !== 0).length;
  }
} finally {
  rmSync(directory, { recursive: true });
}
process.exitCode = failures === 0 ? 0 : 1;
