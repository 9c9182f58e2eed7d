// The options of `tessera sample`.

import type { Command } from 'commander';
import {
  BACKENDS,
  COMPATS,
  SAMPLERS,
  SPACINGS,
  type BackendName,
  type Compat,
  type Sampler,
  type Spacing,
} from '../../config/choices.ts';
import type { Shard } from '../../shard/shard.ts';
import * as read from '../arguments.ts';
import { defaultsTo } from '../arguments.ts';
import { addWays, type WayArguments } from './way-options.ts';

/** The options of `tessera sample`. Defaults are the sampling settings of the run. */
export interface SampleArguments extends WayArguments {
  /** The folder of a run; or else the shipped one. */
  readonly run?: string;
  readonly out: string;
  readonly seed: number;
  /** Names of classes, or their numbers. */
  readonly labels?: readonly (number | string)[];
  /** Captions, one a row. */
  readonly text?: readonly string[];
  readonly negative?: string;
  readonly thickness?: number;
  readonly slant?: number;
  /** Files of maps. */
  readonly depth?: string;
  readonly sketch?: string;
  readonly lowres?: string;
  readonly controlScale?: number;
  readonly guidance?: number | Readonly<Record<string, number>>;
  readonly sampler?: Sampler;
  readonly steps?: number;
  readonly eta?: number;
  readonly spacing?: Spacing;
  readonly guidanceInterval?: readonly [from: number, to: number];
  readonly guidanceRescale?: number;
  readonly compat?: Compat;
  readonly ema?: number | 'best';
  readonly backend?: BackendName;
  readonly shard?: Shard;
  /** The folder of parts. */
  readonly merge?: string;
}

/** Describes the command. */
export function addSample(
  program: Command,
  actions: { sample(args: SampleArguments): Promise<void> },
): void {
  const sample = program
    .command('sample')
    .description('draw ten digits of each label, from a trained run or the shipped weights')
    .option('--run <folder>', `folder of the run ${defaultsTo('the shipped weights')}`)
    .requiredOption('--out <file>', 'file to write; with --shard the folder of the parts')
    .option(
      '--labels <list>',
      `numbers or names of classes, such as 0,1,2 ${defaultsTo('every class, or open for --text and maps')}`,
      read.labelList,
    )
    .option(
      '--text <caption>',
      'such as "a thick seven leaning right"; once for each row',
      read.oneMore,
    )
    .option('--negative <caption>', 'what the samples should not be')
    .option('--thickness <pixels>', 'width of the strokes', read.anyNumber)
    .option('--slant <shear>', 'above 0 leans right, below 0 left', read.anyNumber)
    .option('--depth <file>', 'map of depth, a .png or .npy file')
    .option('--sketch <file>', 'map of edges, a .png or .npy file')
    .option('--lowres <file>', 'image in low resolution, a .png or .npy file')
    .option('--control-scale <n>', 'how much a ControlNet counts', read.guidanceScale)
    .option(
      '--guidance <scale>',
      `guidance scale, 1 for none, or one for each condition: text=3,depth=1.5 ${defaultsTo('as in the run, 2')}`,
      read.guidance,
    )
    .option(
      '--sampler <name>',
      `${SAMPLERS.join(', ')} ${defaultsTo('as in the run, ddim')}`,
      read.oneOf(SAMPLERS),
    )
    .option(
      '--eta <share>',
      `noise of the ddim sampler, from 0 to 1 ${defaultsTo('as in the run, 0')}`,
      read.share,
    )
    .option(
      '--spacing <name>',
      `timesteps of the steps: ${SPACINGS.join(', ')} ${defaultsTo('as in the run, official')}`,
      read.oneOf(SPACINGS),
    )
    .option(
      '--guidance-interval <from,to>',
      `timesteps that are guided, such as 200,800 ${defaultsTo('as in the run, all')}`,
      read.interval,
    )
    .option(
      '--guidance-rescale <share>',
      `how much contrast guidance keeps, from 0 to 1 ${defaultsTo('as in the run, 0')}`,
      read.share,
    )
    .option(
      '--compat <name>',
      `official guides 3 channels only: ${COMPATS.join(', ')} ${defaultsTo('as in the run, fixed')}`,
      read.oneOf(COMPATS),
    )
    .option('--steps <n>', `denoising steps ${defaultsTo('as in the run, 50')}`, read.positiveCount)
    .option(
      '--ema <decay>',
      `average of the weights that draws: a decay that the run keeps, or best ${defaultsTo('its optimizer.emaDecay')}`,
      read.average,
    )
    .option('--seed <n>', 'seed of the noise', read.seed, 0)
    .option(
      '--backend <name>',
      `${BACKENDS.join(', ')} ${defaultsTo('as in the run')}`,
      read.oneOf(BACKENDS),
    )
    .option(
      '--shard <i/n>',
      'draw the i-th of n parts, for a job array; images are drawn by hundreds',
      read.shard,
    )
    .option(
      '--merge <folder>',
      'put the parts of a folder together; the other options are those that they were drawn with',
    );
  addWays(sample).action((args: SampleArguments) => actions.sample(args));
}
