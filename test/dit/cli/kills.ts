/** A training on the command line that is killed again and again, and goes on each time. */
import { spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { encodeIdxImages, encodeIdxLabels, STAGES, type TrainConfig } from '@tessera/dit';
import { train } from '@tessera/dit/node';
import { noise } from '../train/stopped-run.ts';
import { nodeArguments } from './run-tessera.ts';

/** How a training is killed. */
export interface Kills {
  /** The training. Its steps must take longer than the delays. */
  readonly config: TrainConfig;
  readonly count: number;
  /** Numbers from 0 to 1. */
  readonly random: () => number;
  /** Most milliseconds from a step of the stage that is to be hit to the kill. */
  readonly longestDelay: number;
  readonly saveEvery: number;
  readonly onKill?: (text: string) => void;
}

/** Writes noise as idx files into the folder `data`. */
export async function writeNoise(dir: string): Promise<void> {
  const { train: set } = noise();
  await mkdir(join(dir, 'data'));
  for (const prefix of ['train', 't10k']) {
    await writeFile(join(dir, 'data', `${prefix}-images-idx3-ubyte`), encodeIdxImages(set));
    const labels = encodeIdxLabels(Uint8Array.from(set.labels ?? []));
    await writeFile(join(dir, 'data', `${prefix}-labels-idx1-ubyte`), labels);
  }
}

/**
 * Trains the run `killed` in a folder with kills in turn in both stages, and the run `whole` without any.
 *
 * @throws Error if a process ends before it is killed, or the last one does not end well
 */
export async function trainKilled(dir: string, kills: Kills): Promise<void> {
  const { config, count, saveEvery, onKill } = kills;
  await writeFile(join(dir, 'config.json'), JSON.stringify({ ...config, data: 'data' }));
  const flags = ['--save-every', String(saveEvery)];
  const first = ['train', '--config', 'config.json', '--out', 'killed', ...flags];
  const again = ['train', '--resume', 'killed', ...flags];
  for (let i = 0; i <= count; i++) {
    // The first half of the kills is for the first stage, which does not come back.
    const stage = i === count ? undefined : STAGES[i < count / 2 ? 0 : 1];
    const ending = await run(dir, i === 0 ? first : again, stage, kills);
    const expected = stage === undefined ? 0 : 'SIGKILL';
    if (ending.how !== expected) {
      throw new Error(`part ${i + 1} ended with ${ending.how}, not ${expected}:\n${ending.stderr}`);
    }
    onKill?.(`part ${i + 1}: ${ending.stderr.trimEnd().split('\n').at(-1)}`);
  }
  await train({ config: { ...config, data: join(dir, 'data') }, out: join(dir, 'whole') });
}

/** Runs `tessera` until it ends, or is killed some time after its first step in a stage. */
function run(
  dir: string,
  args: readonly string[],
  stage: string | undefined,
  { random, longestDelay }: Kills,
): Promise<{ how: number | string | null; stderr: string }> {
  const child = spawn(process.execPath, nodeArguments(...args), {
    cwd: dir,
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  let stderr = '';
  let isHit = false;
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
    if (isHit || stage === undefined || !new RegExp(`^${stage} \\d+/`, 'm').test(stderr)) return;
    isHit = true;
    setTimeout(() => child.kill('SIGKILL'), random() * longestDelay);
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      resolve({ how: signal ?? code, stderr });
    });
  });
}
