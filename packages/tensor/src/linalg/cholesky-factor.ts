// The algorithm of the Cholesky factor of one matrix, row by row.

import { zeroMatrix, type Matrix } from './matrix.ts';

/**
 * L of `A = L·Lᵀ`, row by row; `null` if a pivot is 0 or below, since A is then not positive definite. NaN
 * passes through.
 *
 * Source: Golub & Van Loan 2013, "Matrix computations", section 4.2.5.
 */
export function factorCholesky(a: Matrix): Matrix | null {
  const n = a.rows;
  const factor = zeroMatrix(n, n);
  const l = factor.elements;
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = a.elements[i * n + j];
      for (let k = 0; k < j; k++) sum -= l[i * n + k] * l[j * n + k];
      if (i !== j) l[i * n + j] = sum / l[j * n + j];
      else if (sum <= 0) return null;
      else l[i * n + i] = Math.sqrt(sum);
    }
  }
  return factor;
}
