// Ranges of numbers and texts that the schemas of a configuration share, and sizes of one number or two.

import * as v from 'valibot';

/** A schema of numbers. */
type NumberSchema = v.GenericSchema<unknown, number>;

/** A whole number from `least` to `most`. */
export function whole(least: 0 | 1, most: number): NumberSchema {
  return v.pipe(
    v.number(),
    v.integer('must be a whole number'),
    v.minValue(least, least === 0 ? 'must not be negative' : 'must be at least 1'),
    v.maxValue(most, `must be at most ${most}`),
  );
}

/** Steps of a training. More would take decades on any machine. */
export const steps: NumberSchema = whole(1, 1e9);
/** Images in a step. No set of small images holds more. */
export const batch: NumberSchema = whole(1, 1e6);
/** Channels of a convolution. Its weights grow as their square, to 9.4 million values at this width. */
export const channels: NumberSchema = whole(1, 1024);
/** Timesteps. Each has a row in several tables; 1000 are usual. */
export const timesteps: NumberSchema = whole(1, 100_000);
/** A number above 0. */
export const positive: NumberSchema = v.pipe(
  v.number(),
  v.finite(),
  v.gtValue(0, 'must be greater than 0'),
);
/** A number from 0. */
export const nonNegative: NumberSchema = v.pipe(
  v.number(),
  v.finite(),
  v.minValue(0, 'must not be negative'),
);
/** A share, from 0 to 1. */
export const fraction: NumberSchema = v.pipe(nonNegative, v.maxValue(1, 'must be at most 1'));
/** The decay of a moving average: 1 would never change it. */
export const decay: NumberSchema = v.pipe(nonNegative, v.ltValue(1, 'must be less than 1'));
/** 1 / deviation of latents. The KL term keeps it near 1; outside this range float32 latents are 0 or ∞. */
export const scale: NumberSchema = v.pipe(
  positive,
  v.minValue(1e-6, 'must be at least 1e-6'),
  v.maxValue(1e6, 'must be at most 1e6'),
);
/** A text that goes into pictures and to the file system. */
export function line(longest: number): v.GenericSchema<unknown, string> {
  return v.pipe(
    v.string(),
    v.nonEmpty('must not be empty'),
    v.maxLength(longest, `must have at most ${longest} characters`),
    v.regex(/^\P{Cc}*$/u, 'must have no control characters'),
  );
}

/** Height and width in pixels; one number means both. */
export type Sides = number | readonly [height: number, width: number];

/** Height and width of a size. */
export function sidesOf(size: Sides): readonly [height: number, width: number] {
  return typeof size === 'number' ? [size, size] : size;
}

/** A size as it is written: `8`, or `4×8`. */
export function formatSides(size: Sides): string {
  return typeof size === 'number' ? String(size) : size.join('×');
}
