// The words of captions of digits, each one token of the presets' text encoder.

/**
 * The words that captions of digits are made of. A run keeps the list in its configuration, so it may grow here.
 */
export const CAPTION_WORDS: readonly string[] = (
  'zero one two three four five six seven eight nine ' +
  'thin thick leaning left upright right a the digit drawing of'
).split(' ');
