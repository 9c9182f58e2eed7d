// Packs every package as `npm publish` would send it.

import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/**
 * Packs every package that is published as `npm publish` would send it.
 *
 * @param {string} directory an empty folder that receives the tarballs
 * @returns {string[]} the path of each tarball, sorted by name
 */
export function packPackages(directory) {
  const packages = ['tensor', 'autograd', 'onnx', 'dit'].map(
    (name) => `--workspace=packages/${name}`,
  );
  const options = [...packages, '--ignore-scripts', '--loglevel=error'];
  execFileSync('npm', ['pack', ...options, '--pack-destination', directory], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return readdirSync(directory)
    .filter((name) => name.endsWith('.tgz'))
    .sort()
    .map((name) => join(directory, name));
}
