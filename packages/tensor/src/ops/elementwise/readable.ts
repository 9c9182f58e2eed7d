// The check that values can be read, which is impossible inside `compile` and `grad`.

import { StateError } from '../../errors.ts';
import { currentInterpreter } from '../../interpreter.ts';
import type { Tensor } from '../../tensor.ts';

/**
 * Throws a StateError unless the values of all tensors can be awaited. Inside `compile` there are no values
 * yet, and a function whose gradient is taken must not wait.
 */
export function expectReadable(op: string, ...tensors: readonly Tensor[]): void {
  const { name } = currentInterpreter();
  if (name === 'evaluate' && tensors.every(({ value }) => value.kind !== 'traced')) return;
  throw new StateError(
    op,
    `its result depends on values, and inside of ${name} values cannot be awaited. ` +
      'Call it outside, with await, and pass the result in.',
  );
}
