// The options of `tessera scale`.

import { InvalidArgumentError, Option, type Command } from 'commander';
import { DESIGNS, type Design } from '../../config/choices.ts';
import type { Shard } from '../../shard/shard.ts';
import * as read from '../arguments.ts';

/** The options of `tessera scale`. */
export interface ScaleArguments {
  readonly out: string;
  readonly sizes?: readonly { readonly width: number; readonly depth: number }[];
  readonly patches?: readonly number[];
  readonly designs?: readonly Design[];
  readonly seeds?: number;
  readonly steps?: number;
  readonly samples?: number;
  readonly autoencoderSteps?: number;
  readonly shard?: Shard;
  /** Folders to take finished models from. */
  readonly merge?: readonly string[];
  readonly json?: boolean;
}

/** The action of the command. */
export interface ScaleActions {
  scale(args: ScaleArguments): Promise<void>;
}

/** Most numbers of a token, and most blocks. */
const MOST = 4096;

/** Reads sizes, such as `32x2,64x3`. */
function sizeList(text: string): { width: number; depth: number }[] {
  return unique(text).map((part) => {
    const [, width, depth] = /^(\d+)[x×](\d+)$/.exec(part) ?? [];
    if (width === undefined || Number(width) > MOST || Number(depth) > MOST) {
      throw new InvalidArgumentError('Expected widths and depths, such as 32x2,64x3.');
    }
    return { width: Number(width), depth: Number(depth) };
  });
}

/** Reads sides of patches, such as `1,2,4`. */
function patchList(text: string): number[] {
  return unique(text).map(read.positiveCount);
}

/** Reads block designs. */
function designList(text: string): readonly Design[] {
  return read.someOf(DESIGNS)(unique(text).join(','));
}

/** The parts of a list between commas. Nothing may stand in it twice. */
function unique(text: string): string[] {
  const parts = text.split(',');
  if (new Set(parts).size === parts.length) return parts;
  throw new InvalidArgumentError('Expected each only once.');
}

/** Describes the command. */
export function addScale(program: Command, actions: ScaleActions): void {
  program
    .command('scale')
    .description(
      'train one recipe over sizes, patches and designs, and plot quality against compute; goes on where it stopped',
    )
    .requiredOption('--out <folder>', 'new folder, or one that goes on')
    .option(
      '--sizes <list>',
      `width x depth of the models ${read.defaultsTo('32x2,64x3,96x3,128x4, or as in the folder')}`,
      sizeList,
    )
    .option(
      '--patches <list>',
      `sides of the patches of latents of 8×8 ${read.defaultsTo('1,2,4, or as in the folder')}`,
      patchList,
    )
    .option(
      '--designs <list>',
      `compared at the middle size and patch; adaln-zero has all sizes ${read.defaultsTo('in-context,cross-attention,adaln,adaln-zero, or as in the folder')}`,
      designList,
    )
    .option(
      '--seeds <n>',
      `trainings of each model ${read.defaultsTo('1, or as in the folder')}`,
      read.measurements,
    )
    .option(
      '--steps <n>',
      `training steps of each model ${read.defaultsTo('2000, or as in the folder')}`,
      read.positiveCount,
    )
    .option(
      '--samples <n>',
      `samples of each look at a model ${read.defaultsTo('1000, or as in the folder')}`,
      read.positiveCount,
    )
    .option(
      '--autoencoder-steps <n>',
      `training steps of the autoencoder ${read.defaultsTo('1200, or as in the folder')}`,
      read.positiveCount,
    )
    .option('--shard <i/n>', 'train the i-th of n parts of the models, for a job array', read.shard)
    .addOption(
      new Option(
        '--merge <folder>',
        'take the finished models of a folder over, and train nothing; may be given several times',
      )
        .argParser(read.oneMore)
        .conflicts([
          'sizes',
          'patches',
          'designs',
          'seeds',
          'steps',
          'samples',
          'autoencoderSteps',
          'shard',
        ]),
    )
    .option('--json', 'print one JSON object')
    .action((args: ScaleArguments) => actions.scale(args));
}
