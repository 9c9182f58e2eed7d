import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';

/**
 * Installs packages of the npm registry in a folder of their own, without their install scripts. `false`
 * where the registry cannot be reached, which skips the tests that need them, aloud.
 *
 * @throws Error with `CI` set, instead of giving `false`.
 */
export function installFromRegistry(folder: string, packages: readonly string[]): boolean {
  mkdirSync(folder);
  writeFileSync(`${folder}/package.json`, JSON.stringify({ private: true, type: 'module' }));
  const options = ['--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline'];
  const { status, stderr } = spawnSync(
    'npm',
    ['install', ...options, '--fetch-retries=1', '--loglevel=error', ...packages],
    { cwd: folder, encoding: 'utf8' },
  );
  if (status === 0) return true;
  const problem = `${packages.join(', ')} cannot be installed: ${stderr.trim()}`;
  const { CI = '' } = process.env;
  if (CI !== '' && CI !== 'false') {
    throw new Error(`${problem}. With CI set, their tests may not be skipped.`);
  }
  process.stderr.write(`tests are skipped: ${problem}\n`);
  return false;
}
