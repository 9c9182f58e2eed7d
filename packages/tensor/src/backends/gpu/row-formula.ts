import type { Operand } from '../../compile/kernel.ts';
import type { Shape } from '../../shape.ts';

/** A number that all elements of a row share, by the steps before it. */
export interface RowStep {
  /** What later steps call it. */
  readonly name: string;
  /** The sum or the largest of `of` over the row, or `of` itself. */
  readonly kind: 'sum' | 'max' | 'value';
  /** Formula of the operands' elements `x`: names, literals, operators and calls of intrinsics. */
  readonly of: (x: readonly string[]) => string;
}

/**
 * What is computed of each row of operands of one shape. Both forms of the kernel are written from it:
 * the text that says it an element a thread, and the entry in which the threads of a workgroup share a
 * row. An element of the text folds the whole row for itself, so only the entry is fast.
 */
export interface RowFormula {
  readonly name: string;
  readonly steps: readonly RowStep[];
  /** Formula of an element of the result. */
  readonly result: (x: readonly string[]) => string;
}

/** The rows of a kernel: where they lie in the operands, and what is written. */
export interface Rows {
  readonly inputs: readonly Operand[];
  readonly shape: Shape;
  readonly axis: number;
  /** Whether the result has the axis too. */
  readonly keepsAxis: boolean;
}

/** How a fold takes one more number. */
export function joinText(kind: 'sum' | 'max', a: string, b: string): string {
  return kind === 'sum' ? `${a} + ${b}` : `larger(${a}, ${b})`;
}
