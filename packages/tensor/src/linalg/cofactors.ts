// All cofactors of one matrix, also of a singular one: the derivative of the determinant.

import {
  addRow,
  copyMatrix,
  identityMatrix,
  matrixProduct,
  swapColumns,
  swapRows,
  type Matrix,
} from './matrix.ts';

/**
 * The cofactors of a square matrix, ∂ det A / ∂A: `det(A)·A⁻ᵀ` if A has an inverse. They also exist for
 * singular matrices, so the algorithm never divides by the last pivot.
 *
 * Elimination with the largest remaining element as its pivot gives `P·A·Q = L·U`, and the smallest pivot, u,
 * comes last. With `U = [[U₁, c], [0, u]]` the adjugate of U is `det U₁ · [[u·U₁⁻¹, −U₁⁻¹·c], [0, 1]]`; it is
 * all zeros if U₁ is singular too.
 */
export function cofactors(a: Matrix): Matrix {
  const n = a.rows;
  const u = copyMatrix(a);
  const left = identityMatrix(n); // becomes L⁻¹·P
  const right = identityMatrix(n); // becomes Q
  let scale = 1; // det P · det Q · det U₁
  for (let k = 0; k < n - 1; k++) {
    const { row, column } = largest(u, k);
    if (row !== k) scale = -scale;
    if (column !== k) scale = -scale;
    for (const matrix of [u, left]) swapRows(matrix, k, row);
    for (const matrix of [u, right]) swapColumns(matrix, k, column);
    const pivot = u.elements[k * n + k];
    scale *= pivot;
    if (pivot === 0) break;
    for (let i = k + 1; i < n; i++) {
      const factor = -u.elements[i * n + k] / pivot;
      addRow(u, i, k, factor, k);
      addRow(left, i, k, factor);
    }
  }
  if (n === 0 || scale === 0) return { ...copyMatrix(a), elements: new Float64Array(n * n) };
  return transposedProduct(right, adjugateOfTriangle(u, scale), left);
}

/** The place of the largest element, from row and column `start` on. */
function largest({ rows: n, elements }: Matrix, start: number): { row: number; column: number } {
  let place = { row: start, column: start };
  let size = 0;
  for (let row = start; row < n; row++) {
    for (let column = start; column < n; column++) {
      const candidate = Math.abs(elements[row * n + column]);
      if (candidate > size) {
        size = candidate;
        place = { row, column };
      }
    }
  }
  return place;
}

/** `scale · [[u·U₁⁻¹, −U₁⁻¹·c], [0, 1]]` of an upper triangle. */
function adjugateOfTriangle({ rows: n, elements }: Matrix, scale: number): Matrix {
  const last = n - 1;
  const adjugate = identityMatrix(n);
  const y = adjugate.elements;
  for (let j = 0; j < last; j++) y[j * n + j] = elements[last * n + last];
  for (let i = 0; i < last; i++) y[i * n + last] = -elements[i * n + last];
  for (let i = last - 1; i >= 0; i--) {
    for (let k = i + 1; k < last; k++) addRow(adjugate, i, k, -elements[i * n + k]);
    for (let j = 0; j < n; j++) y[i * n + j] /= elements[i * n + i];
  }
  for (let i = 0; i < n * n; i++) y[i] *= scale;
  return adjugate;
}

/** `(A·B·C)ᵀ` of square matrices. */
function transposedProduct(a: Matrix, b: Matrix, c: Matrix): Matrix {
  const { elements } = matrixProduct(matrixProduct(a, b), c);
  const n = a.rows;
  return { ...a, elements: elements.map((_, i) => elements[(i % n) * n + Math.floor(i / n)]) };
}
