// The options of `tessera sample` about files and ways to draw.

import type { Command } from 'commander';
import {
  FILM_SUBJECTS,
  SAMPLE_FORMATS,
  type FilmSubject,
  type SampleFormat,
} from '../../sample/output/formats.ts';
import * as read from '../arguments.ts';

/** The options of `tessera sample` about files and ways to draw. */
export interface WayArguments {
  readonly format?: SampleFormat;
  /** Images of each label. */
  readonly count?: number;
  readonly latents?: boolean;
  readonly film?: string;
  readonly filmFrames?: number;
  readonly filmShows?: FilmSubject;
  /** Images of a row. */
  readonly interpolate?: number;
  readonly toLabels?: readonly (number | string)[];
  readonly toText?: readonly string[];
  readonly toSeed?: number;
  readonly inpaint?: string;
  readonly mask?: string;
  readonly passes?: number;
  readonly edit?: string;
  /** The name of a class, or its number. */
  readonly fromLabel?: number | string;
  readonly fromText?: string;
  readonly strength?: number;
}

/** Adds these options to a command, and their help. */
export function addWays(command: Command): Command {
  return command
    .option(
      '--format <name>',
      `labelled picture, arrays for NumPy (adm: as the evaluator of ADM reads them), or an animation of the columns: ${SAMPLE_FORMATS.join(', ')} ${read.defaultsTo('by the end of --out')}`,
      read.oneOf(SAMPLE_FORMATS),
    )
    .option('--count <n>', `images of each label ${read.defaultsTo('10')}`, read.positiveCount)
    .option(
      '--latents',
      'write latents in place of images, to npy or npz; a run on given latents does so anyway',
    )
    .option('--film <file>', 'how the first of each row arises: a .png strip, a .gif or an .apng')
    .option('--film-frames <n>', `frames of the film ${read.defaultsTo('16')}`, read.positiveCount)
    .option(
      '--film-shows <what>',
      `the clean images that the model sees, the noisy ones, or both: ${FILM_SUBJECTS.join(', ')} ${read.defaultsTo('x0')}`,
      read.oneOf(FILM_SUBJECTS),
    )
    .option(
      '--interpolate <n>',
      `images of a row from one end to the other ${read.defaultsTo('10, with an option --to-…')}`,
      read.positiveCount,
    )
    .option('--to-labels <list>', 'labels of the other end, one for each row', read.labelList)
    .option('--to-text <caption>', 'caption of the other end; once for each row', read.oneMore)
    .option('--to-seed <n>', 'seed of the noise of the other end', read.seed)
    .option('--inpaint <image>', 'what --mask leaves of it stays, a .png, .jpg or .npy file')
    .option('--mask <file>', 'white where the image is drawn anew, a .png or .npy file')
    .option(
      '--passes <n>',
      `how often steps are repeated so that seams close ${read.defaultsTo('1; none if the model was trained with inpaint')}`,
      read.positiveCount,
    )
    .option(
      '--edit <image>',
      'image to lead from --from-label to --labels, a .png, .jpg or .npy file',
    )
    .option(
      '--from-label <class>',
      'what the image to edit shows: the number or the name of a class',
      read.label,
    )
    .option('--from-text <caption>', 'what the image to edit shows')
    .option(
      '--strength <share>',
      `how far the image goes back, from 0 to 1 ${read.defaultsTo('1')}`,
      read.share,
    );
}
