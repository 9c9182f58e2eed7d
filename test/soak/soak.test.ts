/** What `npm run soak` says of a part that holds, and of one that fails. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readManyMangled } from './readers.ts';

let dir: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'tessera-soaked-'));
});

afterAll(() => rm(dir, { recursive: true }));

/** Runs `npm run soak -- …` to its end. */
function soak(...args: readonly string[]): Promise<{ code: unknown; output: string }> {
  const loader = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
  const run = fileURLToPath(new URL('./run.ts', import.meta.url));
  const node = ['--conditions=tessera-source', '--import', loader, run, ...args];
  return new Promise((resolve) => {
    execFile(process.execPath, node, (error, stdout, stderr) => {
      resolve({ code: error?.code ?? 0, output: stdout + stderr });
    });
  });
}

describe('npm run soak', () => {
  it('runs the parts that are named, in short form too', async () => {
    const args = ['--files', '40', '--operations', '1000', '--steps', '100', '--seed', '7'];
    const { code, output } = await soak('leaks', 'readers', ...args);
    expect(output).toMatch(/^leaks: seed 7\n1000 eager .*\n100 compiled .*\nleaks: held/);
    expect(output).toMatch(
      /readers: seed 7\n(?:.*\n)*\d+ of 40 files, \d+ accepted, \d+ MiB .*\nreaders: held, \d+ s\n$/,
    );
    expect(code).toBe(0);
  });
});

describe('readers that fail', () => {
  /** The error of a process that runs this code once it has told its progress. */
  async function failure(
    code: string,
    limits: { longest?: number; resident?: number },
  ): Promise<string> {
    const path = join(dir, `${code.length}.mjs`);
    const progress = "process.send({ reader: 'mine', read: 3, accepted: 1, resident: 1000 });";
    await writeFile(path, `${progress}\n${code}\n`);
    const program = pathToFileURL(path);
    const all = { files: 9, seed: 1, onLine: () => undefined, program, ...limits };
    return readManyMangled(all).then(
      () => 'held',
      (error: unknown) => (error as Error).message,
    );
  }

  it.each([
    ['for (;;);', { longest: 1000 }, 'mine, after 3 files: nothing is read for 1000 ms'],
    [
      'setInterval(() => 0, 99);',
      { resident: 999 },
      'mine, after 3 files: 1000 bytes are resident, expected at most 999',
    ],
    [
      'process.exitCode = 3; process.disconnect();',
      {},
      'mine, after 3 files: the process ended with 3',
    ],
    [
      "process.kill(process.pid, 'SIGTERM');",
      {},
      'mine, after 3 files: the process ended with SIGTERM',
    ],
    ['process.disconnect();', {}, 'held'],
  ])('%s', async (code, limits, expected) => {
    expect(await failure(code, limits)).toBe(expected);
  });
});
