// Captions of digits: what a digit is, how thick it is and which way it leans, in words.

import { checkFields, checkFinite, checkWhole } from '../../config/argument-check.ts';
import type { Stroke } from './strokes.ts';

/** The words for digits. */
const DIGITS = ['zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine'];

/** What a caption may say of a stroke; `''` for neither end. */
export interface StrokeWords {
  readonly weight: 'thin' | 'thick' | '';
  readonly lean: 'left' | 'upright' | 'right';
}

/**
 * Bounds between words, in pixels and as a shear. About a quarter of MNIST lies beyond each: it leans right by
 * 0.14 in the middle.
 */
const BOUNDS = { thin: 2.45, thick: 3, left: -0.02, right: 0.28 };

/**
 * The words for the measures of a digit.
 *
 * @example
 * strokeWords({ thickness: 2, slant: 0.4 }); // { weight: 'thin', lean: 'right' }
 */
export function strokeWords(stroke: Stroke): StrokeWords {
  const hint = 'strokeOf gives one.';
  checkFields('strokeWords', 'stroke', stroke, ['thickness', 'slant'], hint);
  const { thickness, slant } = stroke;
  checkFinite('strokeWords', 'thickness', thickness);
  checkFinite('strokeWords', 'slant', slant);
  return {
    weight: thickness < BOUNDS.thin ? 'thin' : thickness > BOUNDS.thick ? 'thick' : '',
    lean: slant < BOUNDS.left ? 'left' : slant > BOUNDS.right ? 'right' : 'upright',
  };
}

/** The ends of both measures. Each digit keeps one of the four for tests. */
const CORNERS = [
  { weight: 'thin', lean: 'left' },
  { weight: 'thick', lean: 'right' },
  { weight: 'thin', lean: 'right' },
  { weight: 'thick', lean: 'left' },
] as const;

/**
 * Whether a combination is held out: training images have it, but no training caption says it in full. So a
 * test can ask a model for what it was never told.
 */
export function isHeldOut(digit: number, { weight, lean }: StrokeWords): boolean {
  const corner = CORNERS[digit % CORNERS.length];
  return corner.weight === weight && corner.lean === lean;
}

/**
 * The combinations of digit, weight and lean that no training caption says in full: one for each digit.
 *
 * @example
 * heldOutCombinations()[7]; // { digit: 7, weight: 'thick', lean: 'left' }
 */
export function heldOutCombinations(): readonly (StrokeWords & { readonly digit: number })[] {
  return DIGITS.map((_, digit) => ({ digit, ...CORNERS[digit % CORNERS.length] }));
}

/** Ways to say the same. `weight` ends with a space if it is not empty. */
const PHRASINGS: readonly ((weight: string, digit: string, lean: string) => string)[] = [
  (weight, digit, lean) => `a ${weight}${digit} ${lean}`.trim(),
  (weight, digit, lean) => `the digit ${digit}, ${weight}${lean}`.replace(/, $/, '').trim(),
  (weight, digit, lean) => `${weight}${digit} ${lean}`.trim(),
  (weight, digit, lean) => `a drawing of a ${weight}${digit} ${lean}`.trim(),
];

/** Number of phrasings of {@link captionOf}. */
export const PHRASING_COUNT: number = PHRASINGS.length;

/** The words for leaning. */
const LEANING = { left: 'leaning left', upright: 'upright', right: 'leaning right' };

/**
 * The caption of a digit, such as "a thick seven leaning right".
 *
 * @param words what it says besides the digit; what is left out is not said
 * @param phrasing which of the four phrasings, from 0; it starts again behind the last. Default 0
 * @example
 * captionOf(7, { weight: 'thick', lean: 'right' }); // 'a thick seven leaning right'
 * captionOf(7, { weight: 'thick' }, 1); // 'the digit seven, thick'
 */
export function captionOf(digit: number, words: Partial<StrokeWords>, phrasing = 0): string {
  checkWhole('captionOf', 'digit', digit, 0);
  checkFields('captionOf', 'words', words, [], "Give { weight: 'thin', lean: 'left' }.");
  checkWhole('captionOf', 'phrasing', phrasing, 0);
  const { weight = '', lean } = words;
  const said = weight === '' ? '' : `${weight} `;
  const phrase = PHRASINGS[phrasing % PHRASINGS.length];
  return phrase(said, DIGITS[digit] ?? String(digit), lean === undefined ? '' : LEANING[lean]);
}

/** Every caption of a digit that says all, once in each phrasing. No other caption has more words or bytes. */
export const LONGEST_CAPTIONS: readonly string[] = DIGITS.flatMap((_, digit) =>
  PHRASINGS.map((_each, i) => captionOf(digit, { weight: 'thick', lean: 'right' }, i)),
);

/** Every fifth caption leaves something out, so that a model also understands short ones. */
const SHORT_EVERY = 5;

/**
 * The caption of an image in training. Image number and digit decide the phrasing and what is left out. A
 * combination that is held out never stands in one caption: its weight or its lean is left out.
 */
export function trainingCaption(image: number, digit: number, words: StrokeWords): string {
  const phrasing = Math.imul(image, 0x9e3779b1) >>> 30;
  const short = image % SHORT_EVERY === 0 || isHeldOut(digit, words);
  if (!short) return captionOf(digit, words, phrasing);
  const onlyWeight = captionOf(digit, { weight: words.weight }, phrasing);
  const onlyLean = captionOf(digit, { lean: words.lean }, phrasing);
  return (image & 1) === 0 ? onlyWeight : onlyLean;
}
