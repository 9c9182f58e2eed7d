// The error of a kernel that met an index outside its axis.

import type { Kernel } from '../../../plan/kernel.ts';
import { StateError, type TesseraError } from '../../../errors.ts';
import { indexError } from '../../../primitives/gather.ts';

/** The error of a kernel that met an index outside of what it indexes. */
export function refusal(kernel: Kernel, index: number): TesseraError {
  if (kernel.kind !== 'call') return new StateError('run', 'a kernel refused a value.');
  const { operation, params, inputs, outputs } = kernel;
  const axis = Number(params['axis']);
  const { shape } = operation.name === 'gather' ? inputs[0].view : outputs[0].view;
  return indexError(operation.name, index, shape, axis);
}
