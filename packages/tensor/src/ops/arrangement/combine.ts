// concat, stack and where: one tensor out of several.

import { checkList, checkTensors } from '../../arguments.ts';
import { formatShape, ShapeError } from '../../errors.ts';
import { apply } from '../../interpreter.ts';
import { assembly } from '../../primitives/movement.ts';
import { normalizeAxis, sameShape } from '../../array/shape.ts';
import type { Operand, Tensor } from '../../tensor.ts';

/**
 * Joins tensors along `axis`; all their other sizes must be equal.
 *
 * @example
 * concat([zeros([1, 2]), ones([2, 2])]); // [[0, 0], [1, 1], [1, 1]]
 * concat([zeros([2, 1]), ones([2, 2])], 1); // [[0, 1, 1], [0, 1, 1]]
 */
export function concat(tensors: readonly Tensor[], axis = 0): Tensor {
  checkInputs('concat', tensors);
  const at = normalizeAxis('concat', axis, tensors[0].rank);
  return tensors.length === 1 ? tensors[0] : apply(assembly.concat, tensors, { axis: at })[0];
}

/**
 * Joins tensors of one shape along a new `axis`.
 *
 * @example
 * stack([tensor([1, 2]), tensor([3, 4])]); // [[1, 2], [3, 4]]
 * stack([tensor([1, 2]), tensor([3, 4])], 1); // [[1, 3], [2, 4]]
 */
export function stack(tensors: readonly Tensor[], axis = 0): Tensor {
  checkInputs('stack', tensors);
  const at = normalizeAxis('stack', axis, tensors[0].rank + 1);
  const odd = tensors.findIndex(({ shape }) => !sameShape(shape, tensors[0].shape));
  if (odd >= 0) {
    throw new ShapeError(
      'stack',
      `input ${odd} is ${formatShape(tensors[odd].shape)}, input 0 is ${formatShape(tensors[0].shape)}: ` +
        'all must have one shape. To join along an axis that exists use concat.',
      tensors.map(({ shape }) => shape),
    );
  }
  return concat(
    tensors.map((x) => x.unsqueeze(at)),
    at,
  );
}

/**
 * Takes `ifTrue` where `condition` is true, elsewhere `ifFalse`; all three broadcast.
 *
 * @example
 * const x = tensor([-1, 2, -3]);
 * where(x.less(0), 0, x); // [0, 2, 0]
 */
export function where(condition: Tensor, ifTrue: Operand, ifFalse: Operand): Tensor {
  checkTensors('where', { condition });
  return condition.where(ifTrue, ifFalse);
}

/** Throws a typed error unless `tensors` is an array of at least one tensor. */
function checkInputs(op: string, tensors: readonly Tensor[]): void {
  checkList(op, 'tensors', tensors, `${op}([a, b], axis)`);
  if (tensors.length === 0) throw new ShapeError(op, 'needs at least one tensor.', []);
  tensors.forEach((x, i) => {
    checkTensors(op, { [`input ${i}`]: x });
  });
}
