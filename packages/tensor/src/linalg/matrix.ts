// One matrix of float64 numbers, its row operations and products, which the algorithms use.

/** Row-major numbers `[rows, columns]`. */
export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly elements: Float64Array;
}

/** A matrix of zeros. */
export function zeroMatrix(rows: number, columns: number): Matrix {
  return { rows, columns, elements: new Float64Array(rows * columns) };
}

/** The identity matrix. */
export function identityMatrix(n: number): Matrix {
  const identity = zeroMatrix(n, n);
  for (let i = 0; i < n; i++) identity.elements[i * n + i] = 1;
  return identity;
}

/** A copy whose elements may be overwritten. */
export function copyMatrix({ rows, columns, elements }: Matrix): Matrix {
  return { rows, columns, elements: elements.slice() };
}

/**
 * The product of two square matrices, in float64.
 *
 * @example
 * const a = { rows: 2, columns: 2, elements: Float64Array.of(0, 1, 1, 0) };
 * matrixProduct(a, a).elements; // [1, 0, 0, 1]
 */
export function matrixProduct(a: Matrix, b: Matrix): Matrix {
  const n = a.rows;
  const product = zeroMatrix(n, n);
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < n; k++) {
      const factor = a.elements[i * n + k];
      for (let j = 0; j < n; j++) product.elements[i * n + j] += factor * b.elements[k * n + j];
    }
  }
  return product;
}

/** Swaps two rows in place. */
export function swapRows({ columns, elements }: Matrix, a: number, b: number): void {
  if (a === b) return;
  const kept = elements.slice(a * columns, (a + 1) * columns);
  elements.copyWithin(a * columns, b * columns, (b + 1) * columns);
  elements.set(kept, b * columns);
}

/** Swaps two columns in place. */
export function swapColumns({ rows, columns, elements }: Matrix, a: number, b: number): void {
  if (a === b) return;
  for (let start = 0; start < rows * columns; start += columns) {
    const kept = elements[start + a];
    elements[start + a] = elements[start + b];
    elements[start + b] = kept;
  }
}

/** Adds `factor` times row `from` to row `to`, in place, from column `start` on. */
export function addRow(
  { columns, elements }: Matrix,
  to: number,
  from: number,
  factor: number,
  start = 0,
): void {
  for (let j = start; j < columns; j++) {
    elements[to * columns + j] += factor * elements[from * columns + j];
  }
}
