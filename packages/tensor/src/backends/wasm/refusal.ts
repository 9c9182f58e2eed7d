import type { Kernel } from '../../compile/kernel.ts';
import { formatShape, StateError, ValueError, type TesseraError } from '../../errors.ts';

/** The error of a kernel that met an index outside of what it indexes. */
export function refusal(kernel: Kernel, index: number): TesseraError {
  if (kernel.kind !== 'call') return new StateError('run', 'a kernel refused a value.');
  const { operation, params, inputs, outputs } = kernel;
  const axis = Number(params['axis']);
  const { shape } = operation.name === 'gather' ? inputs[0].view : outputs[0].view;
  return new ValueError(
    operation.name,
    `index ${index} is outside axis ${axis} of ${formatShape(shape)}: ` +
      `indices along it are 0 to ${shape[axis] - 1}.`,
  );
}
