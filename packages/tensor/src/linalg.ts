// The public names of linear algebra: solve, inverse, det, cholesky, qr, eigh (@tessera/tensor/linalg).

/**
 * Small dense linear algebra in plain code, with gradients. It is an entry of its own, so pages that do not
 * use it load none of it. It computes in float64 on one thread and rounds the results to float32. It runs on
 * the cpu and wasm backends, eagerly and in compiled functions.
 *
 * @module @tessera/tensor/linalg
 */
export { cholesky } from './linalg/cholesky.ts';
export { det } from './linalg/det.ts';
export { eigh, type Eigen } from './linalg/eigh.ts';
export { symmetricEigen } from './linalg/jacobi.ts';
export { matrixProduct, type Matrix } from './linalg/matrix.ts';
export { qr, type QrFactors } from './linalg/qr.ts';
export { inverse, solve } from './linalg/solve.ts';
