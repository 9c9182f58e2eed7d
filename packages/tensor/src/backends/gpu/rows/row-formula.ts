// What a row kernel computes: the folds along a row, then a formula for each of its elements.

import type { Operand } from '../../../plan/kernel.ts';
import type { Shape } from '../../../array/shape.ts';

/** A formula of the operands' elements `x`, as text: names, literals, operators and calls of intrinsics. */
export type ElementFormula = (x: readonly string[]) => string;

/** A number computed from a whole row; later formulas use it by its name. */
export interface RowFold {
  readonly name: string;
  /** Whether it is the sum of the formula over the row, or its maximum. */
  readonly kind: 'sum' | 'max';
  readonly of: ElementFormula;
}

/** A step of a row: numbers from one pass over its elements, or a number computed without a pass. */
export type RowStep =
  | { readonly kind: 'pass'; readonly folds: readonly RowFold[] }
  /** A formula of the row's first element (0 if the row is empty). */
  | { readonly kind: 'first'; readonly name: string; readonly of: ElementFormula }
  | { readonly kind: 'value'; readonly name: string; readonly of: string };

/**
 * What is computed for each row of operands of one shape. Both forms of the kernel are written from it: the
 * text with one thread per element, and the entry in which the threads of a workgroup share a row. In the
 * text each thread folds the whole row by itself, so only the entry is fast.
 */
export interface RowFormula {
  readonly name: string;
  readonly steps: readonly RowStep[];
  /** The formula of an element of the result. */
  readonly result: ElementFormula;
}

/** The rows of a kernel: where they lie in the operands, and whether the result keeps their axis. */
export interface Rows {
  readonly inputs: readonly Operand[];
  readonly shape: Shape;
  readonly axis: number;
  /** Whether the result has the axis too. */
  readonly keepsAxis: boolean;
}

/** A pass with a single fold. */
export function pass(kind: RowFold['kind'], name: string, of: ElementFormula): RowStep {
  return { kind: 'pass', folds: [{ kind, name, of }] };
}

/** The value of a fold over no elements. */
export function startOf({ kind }: RowFold): string {
  return kind === 'sum' ? '0' : '-infinity(0)';
}

/** How a fold takes in one more number. */
export function joinText({ kind }: RowFold, a: string, b: string): string {
  return kind === 'sum' ? `${a} + ${b}` : `larger(${a}, ${b})`;
}
