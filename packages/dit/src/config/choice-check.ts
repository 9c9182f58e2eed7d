// The check that a value is one of a list of names.

import { ValueError } from '@tessera/tensor';

/**
 * Throws a ValueError unless `value` is one of `choices`, for values that come from where no compiler
 * looks.
 */
export function checkChoice(
  op: string,
  name: string,
  value: string,
  choices: readonly string[],
): void {
  if (choices.includes(value)) return;
  throw new ValueError(op, `there is no ${name} '${value}'. Use ${choices.join(', ')}.`);
}
