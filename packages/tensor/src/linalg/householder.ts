// The algorithm of Q and R of one matrix, by Householder reflections.

import { copyMatrix, zeroMatrix, type Matrix } from './matrix.ts';

/**
 * `A = Q·R` by reflections. Q `[m, k]` has orthonormal columns, R `[k, n]` is an upper triangle, and k is the
 * smaller of m and n. The signs are those of LAPACK, and so of NumPy and PyTorch.
 *
 * Source: Golub & Van Loan 2013, "Matrix computations", algorithms 5.1.1 and 5.2.1.
 */
export function factorQr(a: Matrix): { readonly q: Matrix; readonly r: Matrix } {
  const { rows: m, columns: n } = a;
  const size = Math.min(m, n);
  const work = copyMatrix(a);
  const reflections: { readonly v: Float64Array; readonly tau: number }[] = [];
  for (let k = 0; k < size; k++) {
    const reflection = reflectionOf(work, k);
    reflect(work, reflection, k, k);
    reflections.push(reflection);
  }
  const r = zeroMatrix(size, n);
  for (let i = 0; i < size; i++) {
    for (let j = i; j < n; j++) r.elements[i * n + j] = work.elements[i * n + j];
  }
  const q = zeroMatrix(m, size);
  for (let i = 0; i < size; i++) q.elements[i * size + i] = 1;
  for (let k = size - 1; k >= 0; k--) reflect(q, reflections[k], k, k);
  return { q, r };
}

/** The reflection `I − τ·v·vᵀ` that clears column k below the diagonal; v starts at row k with 1. */
function reflectionOf(
  { rows, columns, elements }: Matrix,
  k: number,
): { v: Float64Array; tau: number } {
  const v = Float64Array.from({ length: rows - k }, (_, i) => elements[(k + i) * columns + k]);
  const [alpha] = v;
  const below = Math.sqrt(v.subarray(1).reduce((sum, element) => sum + element * element, 0));
  v[0] = 1;
  if (below === 0) return { v, tau: 0 };
  const beta = -Math.sign(alpha || 1) * Math.hypot(alpha, below);
  for (let i = 1; i < v.length; i++) v[i] /= alpha - beta;
  return { v, tau: (beta - alpha) / beta };
}

/** Applies a reflection to the rows from `row` on, in place, from column `start` on. */
function reflect(
  { columns, elements }: Matrix,
  { v, tau }: { readonly v: Float64Array; readonly tau: number },
  row: number,
  start: number,
): void {
  if (tau === 0) return;
  for (let j = start; j < columns; j++) {
    let sum = 0;
    for (let i = 0; i < v.length; i++) sum += v[i] * elements[(row + i) * columns + j];
    for (let i = 0; i < v.length; i++) elements[(row + i) * columns + j] -= tau * v[i] * sum;
  }
}
