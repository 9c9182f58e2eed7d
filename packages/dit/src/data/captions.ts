// Captions of digits: what a digit is, how thick it is and which way it leans, in words.

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

/** The words for the measures of a digit. */
export function strokeWords({ thickness, slant }: Stroke): StrokeWords {
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

/** The combinations that are held out: one for each digit. */
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
 * @param phrasing which of the phrasings, from 0
 */
export function captionOf(digit: number, words: Partial<StrokeWords>, phrasing = 0): string {
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
