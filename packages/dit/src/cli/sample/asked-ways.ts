// What the options about files and ways to draw ask for, gathered as sampling takes it.

import { ValueError } from '@tessera/tensor';
import { endOf, formatByName, SAMPLE_ENDS } from '../../sample/output/formats.ts';
import type { SampleOptions } from '../../sample/options.ts';
import type { SampleArguments } from './sample-options.ts';
import type { WayArguments } from './way-options.ts';

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

/** Gives the numbers of labels, some of which are names of classes. An error names the option. */
type NumbersOf = (option: string, labels: readonly (number | string)[]) => readonly number[];

/**
 * The options of the file to write, of the film, and of the way to draw.
 *
 * @throws ValueError if the name of the file and the format differ, or an option stands without the one that it
 *   belongs to
 */
export function wayOptions(
  args: WayArguments & Pick<SampleArguments, 'out' | 'shard'>,
  numbersOf: NumbersOf,
): Pick<
  SampleOptions,
  'format' | 'count' | 'latents' | 'film' | 'interpolate' | 'inpaint' | 'edit'
> {
  const { out, format, count, latents, film, filmFrames, filmShows } = args;
  if (args.shard === undefined) checkFormat(out, format);
  for (const [flag, name, to] of BELONGS) {
    if (args[name] === undefined || args[to] !== undefined) continue;
    throw new ValueError(
      'sample',
      `${flag} goes with --${to}, which is missing. Give both, or neither.`,
    );
  }
  return {
    ...(format !== undefined && { format }),
    ...(count !== undefined && { count }),
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
    ...editing(args, numbersOf),
  };
}

function checkFormat(out: string, format: WayArguments['format']): void {
  const byName = formatByName(out);
  if (format === undefined && byName === undefined) {
    const ends = SAMPLE_ENDS.map((name) => `.${name}`).join(', ');
    throw new ValueError(
      'sample',
      `--out ${out}: expected a file name that ends in ${ends}, or a --format.`,
    );
  }
  if (format === undefined || byName === undefined || byName === endOf(format)) return;
  throw new ValueError(
    'sample',
    `--format ${format} and --out ${out} do not agree. Leave --format out, or name a .${endOf(format)} file.`,
  );
}

function interpolation(
  { interpolate, toLabels, toText, toSeed }: WayArguments,
  numbersOf: NumbersOf,
): Pick<SampleOptions, 'interpolate'> {
  const given = [interpolate, toLabels, toText, toSeed].some((option) => option !== undefined);
  if (!given) return {};
  return {
    interpolate: {
      ...(interpolate !== undefined && { columns: interpolate }),
      ...(toLabels !== undefined && { toLabels: numbersOf('--to-labels', toLabels) }),
      ...(toText !== undefined && { toTexts: toText }),
      ...(toSeed !== undefined && { toSeed }),
    },
  };
}

function inpainting({ inpaint, mask, passes }: WayArguments): Pick<SampleOptions, 'inpaint'> {
  if (inpaint === undefined || mask === undefined) return {};
  return { inpaint: { image: inpaint, mask, ...(passes !== undefined && { passes }) } };
}

function editing(
  { edit, fromLabel, fromText, strength }: WayArguments,
  numbersOf: NumbersOf,
): Pick<SampleOptions, 'edit'> {
  if (edit === undefined) return {};
  return {
    edit: {
      image: edit,
      ...(fromLabel !== undefined && { label: numbersOf('--from-label', [fromLabel])[0] }),
      ...(fromText !== undefined && { text: fromText }),
      ...(strength !== undefined && { strength }),
    },
  };
}
