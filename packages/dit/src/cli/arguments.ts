// Reads the values of command-line options, or says in one line what is wrong with them.

import { InvalidArgumentError } from 'commander';
import { MAX_SEED } from '../config/choices.ts';
import type { Shard } from '../shard/shard.ts';

/** The number of chapters of the tour, which is not loaded to read an argument. */
export const CHAPTERS = 10;

/** The text of help for a default that is not a plain value. */
export function defaultsTo(value: string): string {
  return `(default: ${value})`;
}

/** Reads a number in ordinary decimal notation; NaN for hexadecimal, empty text or spaces. */
function parseNumber(text: string): number {
  return /^-?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : NaN;
}

/** Reads a whole number from `least` to `most`. */
export function wholeNumber(least: number, most: number): (text: string) => number {
  const expected =
    most === Number.MAX_SAFE_INTEGER
      ? `a whole number from ${least}`
      : `a whole number from ${least} to ${most}`;
  return (text) => {
    const value = parseNumber(text);
    if (!Number.isInteger(value) || value < least || value > most) {
      throw new InvalidArgumentError(`Expected ${expected}.`);
    }
    return value;
  };
}

/** Reads a number of steps, images or the like: a whole number from 1. */
export const positiveCount: (text: string) => number = wholeNumber(1, Number.MAX_SAFE_INTEGER);

/** Reads a seed: a whole number that fits into 32 bits. */
export const seed: (text: string) => number = wholeNumber(0, MAX_SEED);

/** Reads the number of a chapter of the tour. */
export const chapterNumber: (text: string) => number = wholeNumber(1, CHAPTERS);

/** Most seeds of an evaluation. Student's distribution is tabulated for as many. */
export const MOST_SEEDS = 10;

/** Reads how often an evaluation is repeated. */
export const measurements: (text: string) => number = wholeNumber(1, MOST_SEEDS);

/** Reads a number of channels: 1 for grey, 3 for colour. */
export function imageChannels(text: string): 1 | 3 {
  if (text === '1') return 1;
  if (text === '3') return 3;
  throw new InvalidArgumentError('Expected 1 for grey or 3 for colour.');
}

/** Reads a guidance scale: a number from 0. */
export function guidanceScale(text: string): number {
  const value = parseNumber(text);
  if (!Number.isFinite(value) || value < 0) {
    throw new InvalidArgumentError('Expected a number from 0.');
  }
  return value;
}

/** Reads guidance: a scale for all conditions, or one for each, such as `text=3,depth=1.5`. */
export function guidance(text: string): number | Readonly<Record<string, number>> {
  if (!text.includes('=')) return guidanceScale(text);
  const entries = text.split(',').map((part) => {
    const [, name, scale] = /^([a-z][a-z0-9-]*)=(.+)$/.exec(part) ?? [];
    if (name === undefined) {
      throw new InvalidArgumentError(
        'Expected a number, or one for each condition: text=3,depth=1.5.',
      );
    }
    return [name, guidanceScale(scale)] as const;
  });
  const scales = Object.fromEntries(entries);
  if (Object.keys(scales).length < entries.length) {
    throw new InvalidArgumentError('Expected one scale for each condition, not two for one.');
  }
  return scales;
}

/** Reads guidance scales, such as `1,2`. */
export function scaleList(text: string): number[] {
  return text.split(',').map(guidanceScale);
}

/** Reads a number of either sign. */
export function anyNumber(text: string): number {
  const value = parseNumber(text);
  if (Number.isFinite(value)) return value;
  throw new InvalidArgumentError('Expected a number.');
}

/** Reads one more text of an option that may be given several times. */
export function oneMore(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}

/** Reads some of a list of names, separated by commas. */
export function someOf<T extends string>(names: readonly T[]): (text: string) => readonly T[] {
  return (text) => text.split(',').map(oneOf(names));
}

/** Reads names separated by commas. */
export function nameList(text: string): readonly string[] {
  const names = text.split(',').map((name) => name.trim());
  if (names.every((name) => name !== '')) return names;
  throw new InvalidArgumentError('Expected names separated by commas.');
}

/** Reads a share: a number from 0 to 1. */
export function share(text: string): number {
  const value = parseNumber(text);
  if (!(value >= 0 && value <= 1)) {
    throw new InvalidArgumentError('Expected a number from 0 to 1.');
  }
  return value;
}

/** Reads which moving average is meant: its decay, or the best. */
export function average(text: string): number | 'best' {
  return text === 'best' ? text : share(text);
}

/** Reads decays of moving averages: numbers from 0 below 1, separated by commas. */
export function decays(text: string): readonly number[] {
  const values = text.split(',').map(parseNumber);
  if (values.every((value) => value >= 0 && value < 1)) return values;
  throw new InvalidArgumentError('Expected numbers from 0 below 1, such as 0.99,0.9999.');
}

/** Reads two timesteps in order, such as `200,800`. */
export function interval(text: string): [from: number, to: number] {
  const [from = NaN, to = NaN, ...more] = text.split(',').map(parseNumber);
  if (!(from >= 0 && to >= from && to < Infinity) || more.length > 0) {
    throw new InvalidArgumentError('Expected two timesteps in order, such as 200,800.');
  }
  return [from, to];
}

/** Reads a label: the number or the name of a class. Numbers may be names too. */
export function label(text: string): number | string {
  const name = text.trim();
  if (name === '') throw new InvalidArgumentError('Expected the number or the name of a class.');
  return /^\d{1,6}$/.test(name) ? Number(name) : name;
}

/** Reads labels separated by commas, such as `0,1,2` or `cat,dog`. */
export function labelList(text: string): (number | string)[] {
  const parts = text.split(',');
  if (parts.every((part) => part.trim() !== '')) return parts.map(label);
  throw new InvalidArgumentError(
    'Expected numbers or names of classes separated by commas, such as 0,1,2.',
  );
}

/** Reads one of a list of names. */
export function oneOf<T extends string>(names: readonly T[]): (text: string) => T {
  return (text) => {
    const found = names.find((name) => name === text);
    if (found === undefined) {
      throw new InvalidArgumentError(`Expected one of ${names.join(', ')}.`);
    }
    return found;
  };
}

/** Reads the name of a file of answers, a module that Node can load. */
export function modulePath(text: string): string {
  if (!/\.m?[jt]s$/.test(text)) {
    throw new InvalidArgumentError('Expected a file name that ends in .mjs, .js, .mts or .ts.');
  }
  return text;
}

/** Reads the name of a file of weights to write. It must end in .safetensors. */
export function weightsPath(text: string): string {
  if (!text.toLowerCase().endsWith('.safetensors')) {
    throw new InvalidArgumentError('Expected a file name that ends in .safetensors.');
  }
  return text;
}

/** Reads which part of some work is meant, such as `2/3`. */
export function shard(text: string): Shard {
  const [, index, count] = /^(\d{1,6})\/(\d{1,6})$/.exec(text) ?? [];
  const part = { index: Number(index), count: Number(count) };
  if (part.index >= 1 && part.index <= part.count) return part;
  throw new InvalidArgumentError('Expected a part of a whole, such as 2/3.');
}
