// The options of `tessera sample` about files and ways to draw, gathered as sampling takes them.

import type { Command } from 'commander';
import { ValueError } from '@tessera/tensor';
import {
  FILM_SUBJECTS,
  formatByName,
  SAMPLE_FORMATS,
  type FilmSubject,
  type SampleFormat,
} from '../../sample/output/formats.ts';
import type { SampleOptions } from '../../sample/options.ts';
import * as read from '../arguments.ts';

/** The options of `tessera sample` about files and ways to draw. */
export interface WayArguments {
  readonly format?: SampleFormat;
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
  readonly fromLabel?: number;
  readonly fromText?: string;
  readonly strength?: number;
}

/** Adds these options to a command, and their help. */
export function addWays(command: Command): Command {
  return command
    .option(
      '--format <name>',
      `labelled picture, arrays for NumPy, or an animation of the columns: ${SAMPLE_FORMATS.join(', ')} ${read.defaultsTo('by the end of --out')}`,
      read.oneOf(SAMPLE_FORMATS),
    )
    .option('--latents', 'write latents in place of images, to npy or npz')
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
      `how often steps are repeated so that seams close ${read.defaultsTo('1')}`,
      read.positiveCount,
    )
    .option(
      '--edit <image>',
      'image to lead from --from-label to --labels, a .png, .jpg or .npy file',
    )
    .option('--from-label <n>', 'what the image to edit shows', read.label)
    .option('--from-text <caption>', 'what the image to edit shows')
    .option(
      '--strength <share>',
      `how far the image goes back, from 0 to 1 ${read.defaultsTo('1')}`,
      read.share,
    );
}

/** An option that says more about another one, and means nothing without it. */
const BELONGS: readonly (readonly [
  flag: string,
  name: keyof WayArguments,
  to: keyof WayArguments,
])[] = [
  ['--film-frames', 'filmFrames', 'film'],
  ['--film-shows', 'filmShows', 'film'],
  ['--inpaint', 'inpaint', 'mask'],
  ['--mask', 'mask', 'inpaint'],
  ['--passes', 'passes', 'inpaint'],
  ['--from-label', 'fromLabel', 'edit'],
  ['--from-text', 'fromText', 'edit'],
  ['--strength', 'strength', 'edit'],
];

/**
 * The options of the file to write, of the film, and of the way to draw.
 *
 * @param numbersOf the numbers of labels, some of which are names
 * @throws ValueError if the name of the file and the format differ, or an option stands without the one that it
 *   belongs to
 */
export function wayOptions(
  args: WayArguments & { readonly out: string },
  numbersOf: (labels: readonly (number | string)[]) => readonly number[],
): Pick<SampleOptions, 'format' | 'latents' | 'film' | 'interpolate' | 'inpaint' | 'edit'> {
  const { out, format, latents, film, filmFrames, filmShows } = args;
  checkFormat(out, format);
  for (const [flag, name, to] of BELONGS) {
    if (args[name] === undefined || args[to] !== undefined) continue;
    throw new ValueError(
      'sample',
      `${flag} goes with --${to}, which is missing. Give both, or neither.`,
    );
  }
  return {
    ...(format !== undefined && { format }),
    ...(latents !== undefined && { latents }),
    ...(film !== undefined && {
      film: {
        file: film,
        ...(filmFrames !== undefined && { frames: filmFrames }),
        ...(filmShows !== undefined && { shows: filmShows }),
      },
    }),
    ...interpolation(args, numbersOf),
    ...inpainting(args),
    ...editing(args),
  };
}

function checkFormat(out: string, format: WayArguments['format']): void {
  const byName = formatByName(out);
  if (format === undefined && byName === undefined) {
    const ends = SAMPLE_FORMATS.map((name) => `.${name}`).join(', ');
    throw new ValueError(
      'sample',
      `--out ${out}: expected a file name that ends in ${ends}, or a --format.`,
    );
  }
  if (format === undefined || byName === undefined || byName === format) return;
  throw new ValueError(
    'sample',
    `--format ${format} and --out ${out} do not agree. Leave --format out, or name a .${format} file.`,
  );
}

function interpolation(
  { interpolate, toLabels, toText, toSeed }: WayArguments,
  numbersOf: (labels: readonly (number | string)[]) => readonly number[],
): Pick<SampleOptions, 'interpolate'> {
  const given = [interpolate, toLabels, toText, toSeed].some((option) => option !== undefined);
  if (!given) return {};
  return {
    interpolate: {
      ...(interpolate !== undefined && { columns: interpolate }),
      ...(toLabels !== undefined && { toLabels: numbersOf(toLabels) }),
      ...(toText !== undefined && { toTexts: toText }),
      ...(toSeed !== undefined && { toSeed }),
    },
  };
}

function inpainting({ inpaint, mask, passes }: WayArguments): Pick<SampleOptions, 'inpaint'> {
  if (inpaint === undefined || mask === undefined) return {};
  return { inpaint: { image: inpaint, mask, ...(passes !== undefined && { passes }) } };
}

function editing({
  edit,
  fromLabel,
  fromText,
  strength,
}: WayArguments): Pick<SampleOptions, 'edit'> {
  if (edit === undefined) return {};
  return {
    edit: {
      image: edit,
      ...(fromLabel !== undefined && { label: fromLabel }),
      ...(fromText !== undefined && { text: fromText }),
      ...(strength !== undefined && { strength }),
    },
  };
}
