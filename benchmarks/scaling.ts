// `npm run bench:scaling -- EXPORT`: how long a step of data-parallel training takes over slow networks.

/**
 * `npm run bench:scaling -- EXPORT [--local N] [--rounds N] [--python PYTHON] [--out FILE]`
 * `npm run bench:scaling -- --tables`
 *
 * Takes what `tessera export --to pytorch` wrote, and runs its train.py as 2 and 4 ranks, each in a network namespace
 * of its own whose bandwidth and delay change while it trains. Needs Linux, root, iproute2 and a Python with torch.
 * `--tables` prints the tables of docs/scaling.md from the results.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { constants, loadavg, setPriority } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { describeMachine } from './compare/machine.ts';
import { newestTorch } from './compare/python.ts';
import { paperModels } from './scaling/models.ts';
import { Network } from './scaling/network.ts';
import { folderFor, timeRanks } from './scaling/ranks.ts';
import { LIMITS, type Measured, type Phases, type Results } from './scaling/results.ts';
import { tables } from './scaling/tables.ts';

interface Asked {
  readonly local: string;
  readonly rounds: string;
  readonly python?: string;
  readonly out: string;
  readonly tables?: true;
}

const results = fileURLToPath(new URL('results/ranks.json', import.meta.url));
const phasesProgram = fileURLToPath(new URL('scaling/phases.py', import.meta.url));

const command = new Command()
  .argument('[export]', 'folder that tessera export --to pytorch wrote')
  .option('--local <n>', 'samples a step in each rank', '1')
  .option('--rounds <n>', 'how often every limit has its turn, ten steps long', '2')
  .option('--python <path>', 'a Python with torch (default: the one with the newest)')
  .option('--out <file>', 'file of the results', results)
  .option('--tables', 'print the tables of docs/scaling.md from the results')
  .parse();
const asked = command.opts<Asked>();

// Namespaces and ranks are cleared away at the exit.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

if (asked.tables) {
  const read = JSON.parse(await readFile(asked.out, 'utf8')) as Results;
  for (const [name, table] of Object.entries(tables(read))) console.log(`${name}\n\n${table}\n`);
} else {
  await measure();
}

/** Ends with one line on stderr. */
function refuse(text: string): never {
  process.stderr.write(`error: ${text}\n`);
  process.exit(2);
}

/** Lets the scheduler prefer this process and its children to all else, also where it groups processes by session. */
function goFirst(): void {
  setPriority(constants.priority.PRIORITY_HIGHEST);
  const group = '/proc/self/autogroup';
  if (existsSync(group)) writeFileSync(group, `${constants.priority.PRIORITY_HIGHEST}`);
}

/** Measures, and writes the results. */
async function measure(): Promise<void> {
  const [exported] = command.args;
  const [local, rounds] = [asked.local, asked.rounds].map(Number);
  if (![local, rounds].every((value) => Number.isInteger(value) && value > 0))
    refuse('--local and --rounds take whole numbers from 1');
  if (exported === undefined || !existsSync(join(exported, 'train.py')))
    refuse('expected a folder with train.py. tessera export --run RUN --to pytorch --out FOLDER');
  if (process.platform !== 'linux' || process.getuid?.() !== 0)
    refuse('network namespaces need Linux and root');
  const python = asked.python ?? newestTorch(false)[0]?.python;
  if (python === undefined) refuse('no Python with torch was found. Name one with --python');

  const models = paperModels();
  goFirst();
  const alone = await folderFor(exported, 1, local);
  const phases = JSON.parse(
    execFileSync(python, [phasesProgram, alone, '10'], { encoding: 'utf8' }),
  ) as Phases;
  await rm(alone, { recursive: true });
  const { forward, backward, rest } = phases;
  const parts = [forward, backward, rest].map((seconds) => `${seconds.toFixed(3)} s`);
  console.log(`one rank: forward ${parts[0]}, backward ${parts[1]}, rest ${parts[2]}`);

  const runs: Measured[] = [];
  for (const kind of ['bridge', 'relay'] as const) {
    for (const ranks of [2, 4]) {
      const network = await Network.open(ranks, kind, python);
      try {
        const folder = await folderFor(exported, ranks, local);
        const run = await timeRanks(network, folder, python, LIMITS[kind], rounds);
        runs.push({ ranks, network: kind, ...run });
        for (const { bitsPerSecond, delayMs, seconds } of run.limits) {
          const times = seconds.map((each) => each.toFixed(3)).join(' ');
          console.log(`${ranks} ranks, ${kind}, ${bitsPerSecond} bit/s, ${delayMs} ms: ${times}`);
        }
      } finally {
        network.close();
      }
    }
  }
  const load = loadavg()[2];
  const date = new Date().toISOString().slice(0, 10);
  const written: Results = { date, machine: describeMachine(), load, local, phases, runs, models };
  await writeFile(asked.out, `${JSON.stringify(written, null, 2)}\n`);
  console.log(`Wrote ${asked.out}`);
}
