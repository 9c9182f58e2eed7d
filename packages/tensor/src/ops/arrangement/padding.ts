// pad: constant, reflected or repeated elements around a tensor.

import { checkOptions, checkTensors, kindOf } from '../../arguments.ts';
import { formatShape, ShapeError, ValueError } from '../../errors.ts';
import type { SliceSpec, Tensor } from '../../tensor.ts';
import { concat } from './combine.ts';

/** Options of {@link pad}. */
export interface PadOptions {
  /**
   * The elements around x. `'constant'`: one value; `'reflect'`: x mirrored at its edge elements, which are
   * not repeated; `'replicate'`: the edge elements. Default `'constant'`.
   */
  readonly mode?: 'constant' | 'reflect' | 'replicate';
  /** The value of mode `'constant'`. Default 0. */
  readonly value?: number;
}

const MODES: readonly unknown[] = ['constant', 'reflect', 'replicate'];

/**
 * Adds elements on the sides of x.
 *
 * @param amounts `[before, after]` for every dimension, whole numbers of at least 0.
 * @throws ShapeError if there are not as many pairs as dimensions, or if x has too few elements. Mode
 *   `'reflect'` needs one more than it adds on a side, `'replicate'` needs one.
 * @example
 * pad(tensor([1, 2, 3]), [[2, 1]], { mode: 'reflect' }); // [3, 2, 1, 2, 3, 2]
 * pad(tensor([1, 2, 3]), [[2, 1]], { mode: 'replicate' }); // [1, 1, 1, 2, 3, 3]
 * pad(tensor([1, 2, 3]), [[2, 1]], { value: 9 }); // [9, 9, 1, 2, 3, 9]
 */
export function pad(
  x: Tensor,
  amounts: readonly (readonly [number, number])[],
  options: PadOptions = {},
): Tensor {
  checkTensors('pad', { x });
  checkOptions('pad', options, ['mode', 'value']);
  const { mode = 'constant', value = 0 } = options;
  if (!MODES.includes(mode)) {
    throw new ValueError('pad', `there is no mode ${kindOf(mode)}. Use ${MODES.join(', ')}.`);
  }
  if (mode === 'constant' || amounts.length !== x.rank) return x.pad(amounts, value);
  return amounts.reduce((y, [before, after], axis) => {
    if (before === 0 && after === 0) return y;
    const n = y.shape[axis];
    const room = mode === 'reflect' ? Math.max(n - 1, 0) : n > 0 ? Infinity : 0;
    if (
      ![before, after].every((amount) => Number.isInteger(amount) && amount >= 0 && amount <= room)
    ) {
      throw new ShapeError(
        'pad',
        `mode '${mode}' cannot add [${before}, ${after}] along axis ${axis} of ${formatShape(x.shape)}: ` +
          `whole numbers from 0 to ${room} expected.`,
        [x.shape],
      );
    }
    const along = (range: SliceSpec): Tensor =>
      y.slice(y.shape.map((_, i) => (i === axis ? range : null)));
    const edge = (at: number, count: number): Tensor =>
      along([at, at + 1]).expand(y.shape.map((size, i) => (i === axis ? count : size)));
    return mode === 'reflect'
      ? concat(
          [along([1, before + 1]).flip(axis), y, along([n - 1 - after, n - 1]).flip(axis)],
          axis,
        )
      : concat([edge(0, before), y, edge(n - 1, after)], axis);
  }, x);
}
