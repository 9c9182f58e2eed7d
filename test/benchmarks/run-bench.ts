import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** Runs `npm run bench -- …` to its end. */
export function runBench(...args: readonly string[]): {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
} {
  const loader = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
  const run = fileURLToPath(new URL('../../benchmarks/run.ts', import.meta.url));
  const node = ['--conditions=tessera-source', '--import', loader, run];
  return spawnSync(process.execPath, [...node, ...args], {
    encoding: 'utf8',
    env: { ...process.env, NODE_OPTIONS: '' },
  });
}
