// The kinds of files that samples are written to, and how the name of a file tells its kind.

/**
 * The kinds of files of samples: a labelled picture, arrays for NumPy, the array that the evaluator of ADM reads, and
 * animations.
 */
export const SAMPLE_FORMATS = ['png', 'npy', 'npz', 'adm', 'gif', 'apng'] as const;

/** One of {@link SAMPLE_FORMATS}. */
export type SampleFormat = (typeof SAMPLE_FORMATS)[number];

/** The kinds of films: a strip of frames, or an animation. */
export const FILM_FORMATS = ['png', 'gif', 'apng'] as const;

/** What a film shows: the predicted clean images, the noisy latents decoded, or one above the other. */
export const FILM_SUBJECTS = ['x0', 'xt', 'both'] as const;

/** One of {@link FILM_SUBJECTS}. */
export type FilmSubject = (typeof FILM_SUBJECTS)[number];

/** The ends of names of files that say their kind. */
export const SAMPLE_ENDS: readonly SampleFormat[] = SAMPLE_FORMATS.filter((name) => name !== 'adm');

/** The end of the names of files of a kind, without a dot. */
export function endOf(format: SampleFormat): SampleFormat {
  return format === 'adm' ? 'npz' : format;
}

/** The kind of a file by the end of its name; `undefined` for any other end. */
export function formatByName(file: string): SampleFormat | undefined {
  const lower = file.toLowerCase();
  return SAMPLE_ENDS.find((end) => lower.endsWith(`.${end}`));
}
