// The sizes of the operands of attention, and small operations on them.

import type { Operand } from '../../../plan/kernel.ts';
import { sizeOf, type Shape } from '../../../array/shape.ts';
import type { CallOperands } from '../kernel/lowering.ts';
import { mergeAxes, type Axes } from '../kernel/axes.ts';

/** Sizes of an attention by the letters of the glossary. */
export interface AttentionSizes {
  readonly batch: Shape;
  readonly T: number;
  readonly S: number;
  readonly E: number;
  readonly F: number;
}

/** The sizes of q `[..., T, E]`, k `[..., S, E]` and v `[..., S, F]`. */
export function attentionSizes({ inputs: [q, , v] }: CallOperands): AttentionSizes {
  const [T, E] = q.view.shape.slice(-2);
  const [S, F] = v.view.shape.slice(-2);
  return { batch: q.view.shape.slice(0, -2), T, S, E, F };
}

/** Whether the sums are empty or there is no result, so that nothing but zeros is to be written. */
export function isEmpty({ batch, T, S }: AttentionSizes): boolean {
  return sizeOf(batch) * T * S === 0;
}

/** The operand with rows and columns of its matrices swapped. */
export function transposed(operand: Operand): Operand {
  const { shape, strides, offset } = operand.view;
  const swap = (all: readonly number[]): number[] => {
    const [row, column] = all.slice(-2);
    return [...all.slice(0, -2), column, row];
  };
  return { ...operand, view: { shape: swap(shape), strides: swap(strides), offset } };
}

/** The batch axes in front of the matrices, merged as far as the strides of all operands allow. */
export function batchAxes(operands: readonly Operand[]): Axes {
  return mergeAxes(
    operands[0].view.shape.slice(0, -2),
    operands.map(({ view }) => view.strides.slice(0, -2)),
  );
}
