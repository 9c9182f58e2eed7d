import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { FormatError, ValueError } from '@tessera/tensor';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { presetConfig } from '../../../packages/dit/src/config/presets.ts';
import { claimRunFolder, readRunConfig } from '../../../packages/dit/src/run/run-folder.ts';

const loader = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
const script = fileURLToPath(new URL('claim-runs.ts', import.meta.url));
const config = presetConfig('smoke', { seed: 3 });

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'tessera-claim-'));
});

afterEach(async () => {
  await rm(dir, { recursive: true });
});

test('two processes that start runs at the same moment never get the same folder', async () => {
  const [standard, rounds] = [join(dir, 'runs', 'mnist'), 40];
  const args = ['--conditions=tessera-source', '--import', loader, script, standard];
  const start = (): ChildProcessWithoutNullStreams =>
    spawn(process.execPath, [...args, String(rounds)], {
      env: { ...process.env, NODE_OPTIONS: '' },
    });
  const children = [start(), start()];
  await Promise.all(children.map((child) => once(child.stdout, 'data')));
  const outputs = children.map((child) => {
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    child.stdin.write('go\n');
    return once(child, 'close').then(() => JSON.parse(text) as string[]);
  });
  const claimed = await Promise.all(outputs);
  expect(claimed.map((folders) => folders.length)).toEqual([rounds, rounds]);
  expect(new Set(claimed.flat()).size).toBe(2 * rounds);
  for (const folders of claimed) {
    const seeds = await Promise.all(
      folders.map((folder) => readRunConfig(folder).then(({ seed }) => seed)),
    );
    expect(seeds).toEqual(Array.from({ length: rounds }, (_, i) => i));
  }
});

test('of two runs that name one folder at the same moment one is refused', async () => {
  await mkdir(join(dir, 'empty'));
  for (const name of ['new', 'empty']) {
    const folder = join(dir, name);
    const outcomes = await Promise.allSettled(
      Array.from({ length: 8 }, () => claimRunFolder(folder, config)),
    );
    const refused = outcomes.flatMap((one) =>
      one.status === 'rejected' ? [one.reason as unknown] : [],
    );
    expect(refused).toHaveLength(7);
    for (const error of refused) {
      expect(error).toBeInstanceOf(ValueError);
      expect(String(error)).toMatch(/is not empty \(it holds config\.json\)/);
    }
    expect(await readRunConfig(folder)).toEqual(config);
  }
});

test('a configuration that does not hold together claims nothing', async () => {
  const bad = { ...config, batch: 0 };
  await expect(claimRunFolder(join(dir, 'run'), bad)).rejects.toThrow(FormatError);
  expect(await readdir(dir)).toEqual([]);
});

test('a folder that cannot be made is refused in one line that names it', async () => {
  const long = join(dir, 'x'.repeat(300));
  await expect(claimRunFolder(long, config)).rejects.toThrow(
    /^chooseRunFolder: .*x cannot be read: the name is too long \(ENAMETOOLONG\)\. Choose a shorter one\.$/,
  );
});
