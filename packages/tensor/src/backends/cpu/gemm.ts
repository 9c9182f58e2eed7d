// The product of two matrices, from operands packed into panels, summed in float64.

import { Workspace } from './workspace.ts';

/** A matrix in memory: element `[i, j]` lies at `offset + i · rowStride + j · columnStride`. */
export interface Matrix {
  readonly elements: Float32Array | Float64Array;
  readonly offset: number;
  readonly rowStride: number;
  readonly columnStride: number;
}

/** Height and width of the tile of the product that one call of {@link multiplyPanels} computes. */
const TILE = 4;

/** Rows of `a` that are packed at once, so few that their panels stay in the second-level cache. */
const ROW_BLOCK = 48;

const packedRows = new Workspace();
const packedColumns = new Workspace();
const tile = new Float64Array(TILE * TILE);

/**
 * The matrix product `out = a b`, or `out += a b` if `accumulate`: a is [m, k], b is [k, n], out is
 * row-major [m, n] from `at`. Sums are float64 and rounded when they are stored.
 *
 * Both operands, whatever their strides, are first packed into panels of four rows (of a) and four columns
 * (of b). The product of two panels is a 4 × 4 tile, whose 16 sums stay in registers. So each element that is
 * read takes part in four multiplications.
 *
 * Source: Goto & van de Geijn, Anatomy of High-Performance Matrix Multiplication, 2008.
 */
export function gemm(
  m: number,
  n: number,
  k: number,
  a: Matrix,
  b: Matrix,
  out: Float32Array | Float64Array,
  at: number,
  accumulate: boolean,
): void {
  const columns = packedColumns.reserve(Math.ceil(n / TILE) * TILE * k);
  packPanels(b.elements, b.offset, n, b.columnStride, k, b.rowStride, columns);
  const rows = packedRows.reserve(ROW_BLOCK * k);
  for (let block = 0; block < m; block += ROW_BLOCK) {
    const height = Math.min(ROW_BLOCK, m - block);
    const start = a.offset + block * a.rowStride;
    packPanels(a.elements, start, height, a.rowStride, k, a.columnStride, rows);
    for (let j = 0; j < n; j += TILE) {
      for (let i = 0; i < height; i += TILE) {
        multiplyPanels(k, rows, i * k, columns, j * k);
        const to = at + (block + i) * n + j;
        storeTile(Math.min(TILE, height - i), Math.min(TILE, n - j), out, to, n, accumulate);
      }
    }
  }
}

/**
 * Packs `lines` rows or columns of length `k` into panels of four. A panel holds the four first elements,
 * then the four second elements, and so on. If the last panel has fewer lines, the others keep their old
 * contents; the sums of those are never stored.
 */
function packPanels(
  elements: Float32Array | Float64Array,
  offset: number,
  lines: number,
  lineStride: number,
  k: number,
  stride: number,
  panels: Float64Array,
): void {
  let to = 0;
  for (let line = 0; line < lines; line += TILE) {
    const count = Math.min(TILE, lines - line);
    let from = offset + line * lineStride;
    for (let l = 0; l < k; l++) {
      for (let i = 0; i < count; i++) panels[to + i] = elements[from + i * lineStride];
      to += TILE;
      from += stride;
    }
  }
}

/** `tile = Σ_l a[l] b[l]ᵀ` over the `k` columns of a row panel and the `k` rows of a column panel. */
function multiplyPanels(
  k: number,
  rows: Float64Array,
  rowsAt: number,
  columns: Float64Array,
  columnsAt: number,
): void {
  let s00 = 0;
  let s01 = 0;
  let s02 = 0;
  let s03 = 0;
  let s10 = 0;
  let s11 = 0;
  let s12 = 0;
  let s13 = 0;
  let s20 = 0;
  let s21 = 0;
  let s22 = 0;
  let s23 = 0;
  let s30 = 0;
  let s31 = 0;
  let s32 = 0;
  let s33 = 0;
  let i = rowsAt;
  let j = columnsAt;
  for (let l = 0; l < k; l++) {
    const a0 = rows[i];
    const a1 = rows[i + 1];
    const a2 = rows[i + 2];
    const a3 = rows[i + 3];
    const b0 = columns[j];
    const b1 = columns[j + 1];
    const b2 = columns[j + 2];
    const b3 = columns[j + 3];
    s00 += a0 * b0;
    s01 += a0 * b1;
    s02 += a0 * b2;
    s03 += a0 * b3;
    s10 += a1 * b0;
    s11 += a1 * b1;
    s12 += a1 * b2;
    s13 += a1 * b3;
    s20 += a2 * b0;
    s21 += a2 * b1;
    s22 += a2 * b2;
    s23 += a2 * b3;
    s30 += a3 * b0;
    s31 += a3 * b1;
    s32 += a3 * b2;
    s33 += a3 * b3;
    i += TILE;
    j += TILE;
  }
  tile[0] = s00;
  tile[1] = s01;
  tile[2] = s02;
  tile[3] = s03;
  tile[4] = s10;
  tile[5] = s11;
  tile[6] = s12;
  tile[7] = s13;
  tile[8] = s20;
  tile[9] = s21;
  tile[10] = s22;
  tile[11] = s23;
  tile[12] = s30;
  tile[13] = s31;
  tile[14] = s32;
  tile[15] = s33;
}

/** Writes the first `height` rows and `width` columns of the tile to a matrix with rows of length `n`. */
function storeTile(
  height: number,
  width: number,
  out: Float32Array | Float64Array,
  at: number,
  n: number,
  accumulate: boolean,
): void {
  for (let i = 0; i < height; i++) {
    for (let j = 0; j < width; j++) {
      const to = at + i * n + j;
      out[to] = accumulate ? out[to] + tile[i * TILE + j] : tile[i * TILE + j];
    }
  }
}
