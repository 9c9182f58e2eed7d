// Runs the train.py of an export in several namespaces, and times its steps while the network changes.

import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DEVICE, type Limit, type Network } from './network.ts';

/** Steps whose time train.py writes at once. */
const GROUP = 10;

/** Steps under one limit. */
export interface LimitedSteps extends Limit {
  /** Seconds a step, of each group of steps. */
  readonly seconds: readonly number[];
}

/** What was measured with some ranks. */
export interface RanksRun {
  readonly limits: readonly LimitedSteps[];
  /** The share of the busy processor time that was the ranks' own. */
  readonly share: number;
}

/**
 * A folder like that of an export, with a batch of `local` samples for each rank. Its large files are links.
 */
export async function folderFor(exported: string, ranks: number, local: number): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tessera-ranks-'));
  for (const name of await readdir(exported)) {
    if (['config.json', 'log.jsonl', 'checkpoint.safetensors', '.lock'].includes(name)) continue;
    await symlink(resolve(exported, name), join(folder, name));
  }
  const config = JSON.parse(await readFile(join(exported, 'config.json'), 'utf8')) as object;
  const changed = { ...config, batch: local * ranks, steps: 1_000_000, logEvery: 1 };
  await writeFile(join(folder, 'config.json'), JSON.stringify(changed));
  await writeFile(join(folder, 'log.jsonl'), '');
  return folder;
}

/**
 * Times steps of a training under each limit in turn, some rounds long. The first group of steps, in which
 * DistributedDataParallel builds its buckets, counts nowhere.
 */
export async function timeRanks(
  network: Network,
  folder: string,
  python: string,
  limits: readonly Limit[],
  rounds: number,
): Promise<RanksRun> {
  network.limit({ bitsPerSecond: null, delayMs: 0 });
  const before = cpuSeconds();
  const children = Array.from({ length: network.ranks }, (_, rank) =>
    startRank(network, rank, folder, python),
  );
  const kill = (): void => {
    for (const child of children) child.kill('SIGKILL');
  };
  process.once('exit', kill);
  try {
    const config = JSON.parse(await readFile(join(folder, 'config.json'), 'utf8')) as Sizes;
    const log = new StepLog(join(folder, 'log.jsonl'), config.batch, children);
    await log.next();
    const times = limits.map((): number[] => []);
    for (let round = 0; round < rounds; round++) {
      for (const [i, limit] of limits.entries()) {
        network.limit(limit);
        times[i].push(await log.next());
      }
    }
    const own = children.reduce((sum, { pid = 0 }) => sum + processSeconds(pid), 0);
    const share = own / (cpuSeconds() - before);
    return { limits: limits.map((limit, i) => ({ ...limit, seconds: times[i] })), share };
  } finally {
    process.removeListener('exit', kill);
    kill();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Starts a rank with what torchrun would tell it, and one thread. */
function startRank(network: Network, rank: number, folder: string, python: string): ChildProcess {
  const train = [join(folder, 'train.py'), '--folder', folder, '--device', 'cpu'];
  const options = ['--save-every', '1000000'];
  const [command, ...args] = [...network.prefixOf(rank), python, ...train];
  return spawn(command, [...args, ...options], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: {
      ...process.env,
      RANK: `${rank}`,
      LOCAL_RANK: `${rank}`,
      WORLD_SIZE: `${network.ranks}`,
      MASTER_ADDR: network.addressOf(0),
      MASTER_PORT: '29500',
      GLOO_SOCKET_IFNAME: DEVICE,
      OMP_NUM_THREADS: '1',
      PYTHONDONTWRITEBYTECODE: '1',
    },
  });
}

/** What is read of a configuration. */
interface Sizes {
  readonly batch: number;
}

/** The log of a training, as it grows from nothing. */
class StepLog {
  readonly #path: string;
  readonly #batch: number;
  readonly #children: readonly ChildProcess[];
  #rows = 0;

  constructor(path: string, batch: number, children: readonly ChildProcess[]) {
    this.#path = path;
    this.#batch = batch;
    this.#children = children;
  }

  /** Waits for a group of steps, and gives its seconds a step. */
  async next(): Promise<number> {
    for (;;) {
      const rows = this.#read();
      if (rows.length >= this.#rows + GROUP) {
        this.#rows += GROUP;
        return this.#batch / rows[this.#rows - 1].imagesPerSecond;
      }
      const ended = this.#children.find(({ exitCode }) => exitCode !== null);
      if (ended !== undefined)
        throw new Error(`a rank ended with exit code ${ended.exitCode}: see above`);
      await sleep(10);
    }
  }

  #read(): { readonly imagesPerSecond: number }[] {
    const lines = readFileSync(this.#path, 'utf8').split('\n').slice(0, -1);
    return lines
      .map((line) => JSON.parse(line) as { stage: string; imagesPerSecond: number })
      .filter(({ stage }) => stage === 'diffusion');
  }
}

/** Seconds for which the processors of the machine were busy. */
function cpuSeconds(): number {
  const busy = cpus().map(({ times: { user, nice, sys, irq } }) => user + nice + sys + irq);
  return busy.reduce((sum, ms) => sum + ms / 1000, 0);
}

/** Seconds that a process has computed. */
function processSeconds(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
