// The algorithm of the eigenvalues of one symmetric matrix, by Jacobi rotations.

import { ShapeError } from '../errors.ts';
import { copyMatrix, identityMatrix, type Matrix } from './matrix.ts';

/** Elements below this share of the norm change no digit of the results. */
const NEGLIGIBLE = 2 ** -60;

/** Most sweeps. Rotations stop changing anything long before (ten sweeps are usual). */
const MOST_SWEEPS = 60;

/**
 * Eigenvalues in ascending order and orthonormal eigenvectors, as columns, of a symmetric matrix. Rotations
 * clear one pair of elements at a time, sweep by sweep, until no pair is left.
 *
 * The largest element of each vector is positive; if there are several, the first of them.
 *
 * Source: Golub & Van Loan 2013, "Matrix computations", algorithm 8.5.3.
 *
 * @param a row-major float64 numbers. Only `eigh` has gradients.
 * @throws ShapeError if a is not square.
 * @example
 * const a = { rows: 2, columns: 2, elements: Float64Array.of(2, 1, 1, 2) };
 * symmetricEigen(a).values; // [1, 3]
 */
export function symmetricEigen(a: Matrix): {
  readonly values: Float64Array;
  readonly vectors: Matrix;
} {
  const n = a.rows;
  if (a.columns !== n || a.elements.length !== n * n) {
    throw new ShapeError(
      'symmetricEigen',
      `the matrix has ${n} rows, ${a.columns} columns and ${a.elements.length} elements, expected a square one.`,
      [[n, a.columns], [a.elements.length]],
    );
  }
  const work = copyMatrix(a);
  const basis = identityMatrix(n);
  const norm = Math.sqrt(a.elements.reduce((sum, element) => sum + element * element, 0));
  let sweep = 0;
  while (sweep < MOST_SWEEPS && clearPairs(work, basis, norm * NEGLIGIBLE)) sweep++;
  const diagonal = Float64Array.from({ length: n }, (_, i) => work.elements[i * n + i]);
  const order = Array.from({ length: n }, (_, i) => i).sort((i, j) => diagonal[i] - diagonal[j]);
  const vectors = copyMatrix(basis);
  order.forEach((from, to) => {
    const sign = signOfColumn(basis, from);
    for (let i = 0; i < n; i++) {
      vectors.elements[i * n + to] = sign * basis.elements[i * n + from];
    }
  });
  return { values: Float64Array.from(order, (i) => diagonal[i]), vectors };
}

/** Rotates away all pairs above `negligible`, in one sweep; returns whether there was one. */
function clearPairs(work: Matrix, basis: Matrix, negligible: number): boolean {
  const { rows: n, elements } = work;
  let changed = false;
  for (let p = 0; p < n - 1; p++) {
    for (let q = p + 1; q < n; q++) {
      const [pp, pq, qq] = [elements[p * n + p], elements[p * n + q], elements[q * n + q]];
      if (!(Math.abs(pq) > negligible)) continue;
      changed = true;
      const tau = (qq - pp) / (2 * pq);
      const t = Math.sign(tau || 1) / (Math.abs(tau) + Math.hypot(1, tau));
      const c = 1 / Math.hypot(1, t);
      rotate(work, [p, q, n], c, t * c);
      rotate(work, [p * n, q * n, 1], c, t * c);
      rotate(basis, [p, q, n], c, t * c);
    }
  }
  return changed;
}

/**
 * Rotates two rows or two columns of an n × n matrix against each other, in place.
 *
 * @param x The place where the first one begins.
 * @param y The place where the second one begins.
 * @param step The distance between its elements: 1 in a row, n in a column.
 */
function rotate(
  { rows: n, elements }: Matrix,
  [x, y, step]: readonly [x: number, y: number, step: number],
  c: number,
  s: number,
): void {
  for (let i = 0; i < n * step; i += step) {
    const [a, b] = [elements[x + i], elements[y + i]];
    elements[x + i] = c * a - s * b;
    elements[y + i] = s * a + c * b;
  }
}

/** −1 if the largest element of a column is negative, else 1. */
function signOfColumn({ rows: n, elements }: Matrix, column: number): number {
  let largest = 0;
  for (let i = 0; i < n; i++) {
    const element = elements[i * n + column];
    if (Math.abs(element) > Math.abs(largest) * (1 + 1e-9)) largest = element;
  }
  return largest < 0 ? -1 : 1;
}
