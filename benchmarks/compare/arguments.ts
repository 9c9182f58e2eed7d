// The options of `npm run bench:peers`.

import { Command, InvalidArgumentError, Option } from 'commander';
import type { BackendName } from '../contenders/contender.ts';
import { CONTENDERS, NAMED_CONTENDERS, type ContenderName } from '../contenders/names.ts';
import { selectWorks, WORKS, type Work } from '../works/works.ts';
import { torchOf, type Prints, type Torch } from './python.ts';

/** What is measured, and how. */
export interface Options {
  readonly only: readonly Work[];
  readonly contenders: readonly ContenderName[];
  /** Thread counts, in ascending order. */
  readonly threads: readonly number[];
  /** The backend of Tessera. */
  readonly backend: BackendName;
  /** Samples of a work. */
  readonly samples: number;
  /** Seconds after which a contender that does not answer is given up. */
  readonly timeout: number;
  /** Where the result is written; `null` for `results/latest.json`. */
  readonly out: string | null;
  /** The Pythons whose PyTorch takes part; empty for the one with the newest that is found. */
  readonly pythons: readonly Torch[];
  /** Whether the peers are installed first. */
  readonly install: boolean;
}

/** The parts of a list separated by commas. */
function parts(text: string): string[] {
  return text.split(',').map((part) => part.trim());
}

function parseWorks(text: string): readonly Work[] {
  const { works, unknown } = selectWorks(parts(text));
  if (unknown.length === 0) return works;
  const names = WORKS.map(({ name }) => name).join(', ');
  throw new InvalidArgumentError(`No work is called '${unknown[0]}'. Expected some of ${names}.`);
}

function parseContenders(text: string): readonly ContenderName[] {
  return parts(text).map((part) => {
    const all = [...CONTENDERS, ...NAMED_CONTENDERS];
    const found = all.find((name) => name === part);
    if (found !== undefined) return found;
    const names = all.join(', ');
    throw new InvalidArgumentError(`No contender is called '${part}'. Expected some of ${names}.`);
  });
}

/** Reads a whole number from `least`. */
export function wholeNumber(least: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,9}$/.test(text) ? Number(text) : NaN;
    if (value >= least) return value;
    throw new InvalidArgumentError(`Expected a whole number from ${least}.`);
  };
}

/** Reads thread counts separated by commas. */
function parseThreads(text: string): readonly number[] {
  const counts = new Set(parts(text).map(wholeNumber(1)));
  return [...counts].sort((a, b) => a - b);
}

/** Reads the name of a backend. */
export function parseBackend(text: string): BackendName {
  if (text === 'wasm' || text === 'cpu') return text;
  throw new InvalidArgumentError('Expected wasm or cpu.');
}

/** Reads the path of one more Python, which must have torch. */
function parsePython(
  prints: Prints | undefined,
): (path: string, before: readonly Torch[]) => readonly Torch[] {
  return (path, before) => {
    if (before.some(({ python }) => python === path)) return before;
    const torch = torchOf(path, prints);
    if (typeof torch === 'string') throw new InvalidArgumentError(torch);
    return [...before, torch];
  };
}

/** A command that throws instead of ending the process, after one line on stderr. */
export function strictCommand(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .exitOverride()
    .configureOutput({
      outputError: (text, write) => write(`${text.trim().replaceAll(/\s*\n\s*/g, ' ')}\n`),
    });
}

/**
 * Reads the arguments.
 *
 * @param args what stands behind the command
 * @param prints asks a Python (default: starts it)
 * @throws commander's `CommanderError` after it has printed help or one line of complaint
 */
export function parseOptions(args: readonly string[], prints?: Prints): Options {
  const option = (flags: string, text: string, read: (text: string) => unknown): Option =>
    new Option(flags, text).argParser(read);
  const command = strictCommand(
    'bench:peers',
    'Measures Tessera and what others would pick instead, side by side.',
  )
    .addOption(
      option(
        '--only <works>',
        'such as step-tiny,matmul-1024; matmul stands for all of them',
        parseWorks,
      ).default(WORKS, 'all work'),
    )
    .addOption(
      option(
        '--contenders <names>',
        [...CONTENDERS, ...NAMED_CONTENDERS].join(','),
        parseContenders,
      ).default(CONTENDERS, 'all but pytorch-compile and those that need a GPU'),
    )
    .addOption(option('--threads <counts>', 'such as 1,2', parseThreads).default([1, 2], '1,2'))
    .option('--backend <name>', 'backend of Tessera, wasm or cpu', parseBackend, 'wasm')
    .option('--samples <n>', 'samples of a work', wholeNumber(1), 7)
    .option('--timeout <seconds>', 'longest wait for one answer', wholeNumber(1), 300)
    .option(
      '--python <path>',
      'a Python whose PyTorch takes part, instead of the newest found; repeat it for more',
      parsePython(prints),
      [],
    )
    .option('--out <file>', 'file of the result (default: benchmarks/results/latest.json)')
    .option('--no-install', 'do not install the peers first')
    .parse(args, { from: 'user' });
  type Given = Omit<Options, 'out' | 'pythons'> & { out?: string; python: Options['pythons'] };
  const { out = null, python: pythons, ...options } = command.opts<Given>();
  return { ...options, pythons, out };
}
