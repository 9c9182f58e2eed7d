// What a row kernel computes: the folds along a row, then a formula for each of its elements.

import type { Operand } from '../../../plan/kernel.ts';
import type { Shape } from '../../../array/shape.ts';

/** Formula of the operands' elements `x`: names, literals, operators and calls of intrinsics. */
export type ElementFormula = (x: readonly string[]) => string;

/** A number of a row by the name that later formulas call it. */
export interface RowFold {
  readonly name: string;
  /** The sum or the largest of the formula over the row. */
  readonly kind: 'sum' | 'max';
  readonly of: ElementFormula;
}

/** What is found of a row, given the steps before: numbers of one pass over it, or one without a pass. */
export type RowStep =
  | { readonly kind: 'pass'; readonly folds: readonly RowFold[] }
  /** A formula of the row's first element (0 where there is none). */
  | { readonly kind: 'first'; readonly name: string; readonly of: ElementFormula }
  | { readonly kind: 'value'; readonly name: string; readonly of: string };

/**
 * What is computed of each row of operands of one shape. Both forms of the kernel are written from it:
 * the text that says it an element a thread, and the entry in which the threads of a workgroup share a
 * row. An element of the text folds the whole row for itself, so only the entry is fast.
 */
export interface RowFormula {
  readonly name: string;
  readonly steps: readonly RowStep[];
  /** An element of the result. */
  readonly result: ElementFormula;
}

/** The rows of a kernel: where they lie in the operands, and what is written. */
export interface Rows {
  readonly inputs: readonly Operand[];
  readonly shape: Shape;
  readonly axis: number;
  /** Whether the result has the axis too. */
  readonly keepsAxis: boolean;
}

/** The only number of a pass. */
export function pass(kind: RowFold['kind'], name: string, of: ElementFormula): RowStep {
  return { kind: 'pass', folds: [{ kind, name, of }] };
}

/** What a fold is of no elements. */
export function startOf({ kind }: RowFold): string {
  return kind === 'sum' ? '0' : '-infinity(0)';
}

/** How a fold takes one more number. */
export function joinText({ kind }: RowFold, a: string, b: string): string {
  return kind === 'sum' ? `${a} + ${b}` : `larger(${a}, ${b})`;
}
