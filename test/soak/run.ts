/** `npm run soak [-- PART …]`: the long forms of tests, which take minutes. Each part names the seed that repeats it. */
import { randomInt } from 'node:crypto';
import { inspect } from 'node:util';
import { Argument, CommanderError } from 'commander';
import { strictCommand, wholeNumber } from '../../benchmarks/compare/arguments.ts';
import { killTrainings } from './kills.ts';
import { findLeaks } from './leaks.ts';
import { readManyMangled } from './readers.ts';

/** How long each part goes on. */
interface Lengths {
  readonly kills: number;
  readonly files: number;
  readonly operations: number;
  readonly steps: number;
  readonly seed: number;
}

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

/** The parts, in the order in which they run. */
const PARTS: Readonly<Record<string, (lengths: Lengths) => Promise<void>>> = {
  readers: ({ files, seed }) => readManyMangled({ files, seed, onLine: say }),
  leaks: ({ operations, steps }) => findLeaks({ operations, steps, onLine: say }),
  kills: ({ kills, seed }) => killTrainings({ kills, seed, onLine: say }),
};

/** Runs parts one after the other, and goes on after one that fails. */
async function soak(names: readonly string[], lengths: Lengths): Promise<void> {
  const chosen = names.length === 0 || names.includes('all') ? Object.keys(PARTS) : names;
  for (const name of chosen) {
    const start = performance.now();
    say(`${name}: seed ${lengths.seed}`);
    try {
      await PARTS[name](lengths);
      say(`${name}: held, ${Math.round((performance.now() - start) / 1000)} s`);
    } catch (error) {
      const again = `npm run soak -- ${name} --seed ${lengths.seed}`;
      process.stderr.write(`${inspect(error)}\n${name}: failed. Again: ${again}\n`);
      process.exitCode = 1;
    }
  }
}

const command = strictCommand('soak', 'Runs the long forms of tests.')
  .addArgument(
    new Argument('[parts...]', 'which (default: all)').choices([...Object.keys(PARTS), 'all']),
  )
  .option('--files <n>', 'mangled files for all readers together', wholeNumber(1), 100_000)
  .option('--operations <n>', 'eager operations that must leave nothing', wholeNumber(1000), 10_000)
  .option('--steps <n>', 'compiled steps that must leave nothing', wholeNumber(100), 5000)
  .option('--kills <n>', 'kills of the run of each design', wholeNumber(1), 20)
  .option(
    '--seed <n>',
    'what files and moments are drawn with (default: another each time)',
    wholeNumber(0),
  )
  .action((parts: readonly string[], given: Omit<Lengths, 'seed'> & { seed?: number }) =>
    soak(parts, { seed: randomInt(1e9), ...given }),
  );

try {
  await command.parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  process.exitCode = error.exitCode === 0 ? 0 : 2;
}
