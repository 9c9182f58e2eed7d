// The state of the room Inside the transformer, as it stands in the address.

import { numberField, textField, wholeField } from '../../state/fields.ts';

/** The largest seed. */
export const MOST_SEED = 9999;

/** The fields. Places count from 0; one beyond the model counts as its last. A head of −1 is the mean of all. */
export const transformerFields = {
  label: wholeField(7, 0, 999_999),
  prompt: textField('a thick seven leaning right'),
  guidance: numberField(2, 0, 8),
  steps: wholeField(20, 1, 50),
  seed: wholeField(1, 0, MOST_SEED),
  step: wholeField(10, 1, 50),
  block: wholeField(0, 0, 999),
  head: wholeField(-1, -1, 999),
  token: wholeField(5, 0, 999_999),
} as const;
