// The state of the room Look inside, as it stands in the address.

import { choiceField, textField, wholeField } from '../../state/fields.ts';
import { EXAMPLES } from './examples.ts';

/** The step at which all is done. */
export const ALL_DONE = -1;

/** Derivatives that the tape can be of, at most. */
export const MOST_ORDER = 3;

/** The fields. `code` is empty while it is that of the example. */
export const insideFields = {
  example: choiceField(
    EXAMPLES[0].name,
    EXAMPLES.map(({ name }) => name),
  ),
  code: textField(),
  order: wholeField(0, 0, MOST_ORDER),
  /** The paths of open modules, with commas between. */
  open: textField(),
  /** The chosen box. */
  node: textField(),
  /** How many steps forward, and then backward, are done. */
  step: wholeField(ALL_DONE, ALL_DONE, 1_000_000),
} as const;
