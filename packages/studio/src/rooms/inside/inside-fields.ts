// The state of the room Look inside, as it stands in the address.

import { choiceField, textField, wholeField } from '../../state/fields.ts';
import { EXAMPLES } from './examples.ts';

/** The step at which all is done. */
export const ALL_DONE = -1;

/** Derivatives that the tape can be of, at most. */
export const MOST_ORDER = 3;

/** What is looked at: the tape of a function, or what the compiler makes of it. */
export const VIEWS = ['tape', 'compiled'] as const;

/** The fields. `code` is empty while it is that of the example. */
export const insideFields = {
  example: choiceField(
    EXAMPLES[0].name,
    EXAMPLES.map(({ name }) => name),
  ),
  code: textField(),
  order: wholeField(0, 0, MOST_ORDER),
  view: choiceField('tape', VIEWS),
  /** What is chosen of the compiled function: `t3` traced, `s3` simplified, `k3` a kernel. */
  pick: textField('k0'),
  /** The paths of open modules, with commas between. */
  open: textField(),
  /** The chosen box. */
  node: textField(),
  /** How many steps forward, and then backward, are done. */
  step: wholeField(ALL_DONE, ALL_DONE, 1_000_000),
} as const;
