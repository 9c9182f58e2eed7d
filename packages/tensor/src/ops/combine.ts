import { ShapeError } from '../errors.ts';
import { apply } from '../interpreter.ts';
import { assembly } from '../primitives/movement.ts';
import { normalizeAxis } from '../shape.ts';
import type { Operand, Tensor } from '../tensor.ts';

/** Joins tensors that agree in all other sizes along `axis`. */
export function concat(tensors: readonly Tensor[], axis = 0): Tensor {
  if (tensors.length === 0) throw new ShapeError('concat', 'needs at least one tensor.', []);
  const at = normalizeAxis('concat', axis, tensors[0].rank);
  return tensors.length === 1 ? tensors[0] : apply(assembly.concat, tensors, { axis: at })[0];
}

/** Joins tensors of one shape along a new `axis`. */
export function stack(tensors: readonly Tensor[], axis = 0): Tensor {
  if (tensors.length === 0) throw new ShapeError('stack', 'needs at least one tensor.', []);
  const at = normalizeAxis('stack', axis, tensors[0].rank + 1);
  return concat(
    tensors.map((x) => x.unsqueeze(at)),
    at,
  );
}

/** Where `condition` is true `ifTrue`, elsewhere `ifFalse`; all three broadcast. */
export function where(condition: Tensor, ifTrue: Operand, ifFalse: Operand): Tensor {
  return condition.where(ifTrue, ifFalse);
}
