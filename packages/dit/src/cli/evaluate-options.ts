// The options of `tessera evaluate` and `tessera ruler`.

import { Option, type Command } from 'commander';
import { DEFAULT_DATA } from '../config/choices.ts';
import type { Shard } from '../shard/shard.ts';
import * as read from './arguments.ts';

/** The options of `tessera evaluate`. */
export interface EvaluateArguments {
  /** The folder of a run; or else `images`, or the shipped run. */
  readonly run?: string;
  /** Samples from anywhere, as `--data` of a training takes images. */
  readonly images?: string;
  readonly samples: number;
  readonly guidance?: readonly number[];
  readonly seeds: number;
  /** Conditions that samples are told. */
  readonly told?: readonly string[];
  /** The file of a ruler, in place of that of MNIST. */
  readonly ruler?: string;
  readonly json?: boolean;
  readonly shard?: Shard;
  /** The folder that a part is written to. */
  readonly out?: string;
  /** The folder of parts that are measured. */
  readonly merge?: string;
}

/** The options of `tessera ruler`. */
export interface RulerArguments {
  readonly out: string;
  readonly data: string;
  readonly imageSize?: number;
  readonly epochs: number;
  readonly seed: number;
}

/** Describes both commands. */
export function addEvaluation(
  program: Command,
  actions: {
    evaluate(args: EvaluateArguments): Promise<void>;
    ruler(args: RulerArguments): Promise<void>;
  },
): void {
  program
    .command('evaluate')
    .description(
      'measure the samples, the autoencoder and the predictions of a trained run, or samples of another program',
    )
    .option('--run <folder>', 'folder of the run (default: the shipped weights)')
    .addOption(
      new Option(
        '--images <source>',
        'samples to score in place of a run: an .npy or .npz file, or a folder of images, in folders of classes if they have some',
      ).conflicts(['run', 'guidance', 'told', 'shard', 'merge']),
    )
    .option('--samples <n>', 'samples of a set', read.positiveCount, 2000)
    .option(
      '--guidance <list>',
      'guidance scales, such as 1,2 (default: 1, and that of the run)',
      read.scaleList,
    )
    .option(
      '--seeds <n>',
      `sets for each scale, at most ${read.MOST_SEEDS}; two or more give confidence intervals`,
      read.measurements,
      1,
    )
    .option(
      '--told <list>',
      'conditions that samples are told, such as label (default: all of the model)',
      read.nameList,
    )
    .option('--ruler <file>', 'a file of `tessera ruler` (default: the ruler of MNIST)')
    .option('--json', 'print one JSON object')
    .addOption(
      new Option(
        '--shard <i/n>',
        'draw the i-th of n parts of the samples into --out, for a job array, and measure nothing',
      )
        .argParser(read.shard)
        .conflicts(['merge', 'json', 'ruler']),
    )
    .option('--out <folder>', 'folder of the parts, with --shard')
    .option(
      '--merge <folder>',
      'measure the parts of a folder; the other options are those that they were drawn with',
    )
    .action((args: EvaluateArguments) => actions.evaluate(args));

  program
    .command('ruler')
    .description('train the LeNet that evaluate measures with, for another data set')
    .requiredOption('--out <file>', 'file to write, a .safetensors file', read.weightsPath)
    .option('--data <source>', 'data, as train takes them', DEFAULT_DATA)
    .option('--image-size <n>', 'side of the images, as for train', read.positiveCount)
    .option('--epochs <n>', 'passes over the training images', read.positiveCount, 12)
    .option('--seed <n>', 'seed of all randomness', read.seed, 0)
    .action((args: RulerArguments) => actions.ruler(args));
}
