// Gaussian elimination of one matrix: its LU factors, determinant and solutions.

import { addRow, copyMatrix, swapRows, type Matrix } from './matrix.ts';

/** `P·A = L·U`, with both factors in one matrix and without the unit diagonal of L. */
export interface LuFactors {
  readonly factors: Matrix;
  /** Row i of `P·A` is row `order[i]` of A. */
  readonly order: readonly number[];
  /** The determinant of P: 1 or −1. */
  readonly sign: number;
  /** The index of the first pivot that is 0, so that the matrix is singular; −1 if there is none. */
  readonly zeroPivot: number;
}

/**
 * Does Gaussian elimination with the largest element of each column as its pivot.
 *
 * Source: Golub & Van Loan 2013, "Matrix computations", algorithm 3.4.1.
 */
export function factorLu(a: Matrix): LuFactors {
  const factors = copyMatrix(a);
  const { rows: n, elements } = factors;
  const order = Array.from({ length: n }, (_, i) => i);
  let sign = 1;
  let zeroPivot = -1;
  for (let k = 0; k < n; k++) {
    let pivot = k;
    for (let i = k + 1; i < n; i++) {
      if (Math.abs(elements[i * n + k]) > Math.abs(elements[pivot * n + k])) pivot = i;
    }
    if (pivot !== k) {
      swapRows(factors, k, pivot);
      [order[k], order[pivot]] = [order[pivot], order[k]];
      sign = -sign;
    }
    const diagonal = elements[k * n + k];
    if (diagonal === 0) {
      if (zeroPivot < 0) zeroPivot = k;
      continue;
    }
    for (let i = k + 1; i < n; i++) {
      const factor = elements[i * n + k] / diagonal;
      if (factor !== 0) addRow(factors, i, k, -factor, k + 1);
      elements[i * n + k] = factor;
    }
  }
  return { factors, order, sign, zeroPivot };
}

/** The product of the pivots: det A. */
export function determinantOf({ factors: { rows: n, elements }, sign }: LuFactors): number {
  let product = sign;
  for (let k = 0; k < n; k++) product *= elements[k * n + k];
  return product + 0; // 0 rather than −0
}

/** Solves `A·X = B` for X, by forward and backward substitution. */
export function substitute({ factors: lu, order }: LuFactors, b: Matrix): Matrix {
  const n = lu.rows;
  const x = copyMatrix(b);
  const { columns, elements } = x;
  order.forEach((from, to) => {
    elements.set(b.elements.subarray(from * columns, (from + 1) * columns), to * columns);
  });
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < i; k++) addRow(x, i, k, -lu.elements[i * n + k]);
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let k = i + 1; k < n; k++) addRow(x, i, k, -lu.elements[i * n + k]);
    for (let j = 0; j < columns; j++) elements[i * columns + j] /= lu.elements[i * n + i];
  }
  return x;
}
