// The innermost loop of every product: a 4 × 8 tile of results held in vector registers.

import { i32 } from '../assembler/instructions.ts';
import type { I32 } from '../assembler/code.ts';
import type { FunctionReference, Local } from '../assembler/function.ts';
import { v128 } from '../assembler/simd.ts';
import type { Routines } from '../kernel/kernel-code.ts';
import { multiplyAdd } from '../kernel/multiply-add.ts';

/** Rows of the tile of a product that stays in registers. */
export const TILE_ROWS = 4;

/** Columns of the tile: with four rows, eight vector registers of sums, of the sixteen that there are. */
export const TILE_COLUMNS = 8;

/**
 * The heart of every product of matrices: `C = A · B`, or `C += A · B`, for a tile C [4, 8].
 *
 * Parameters: address of A, packed `[depth, 4]` (column after column); address of B, packed
 * `[depth, 8]` (row after row); depth, at least 1; address of C; bytes from row to row of C; whether
 * the product is added to what is in C.
 *
 * The loop is not unrolled: V8 has sixteen vector registers, and eight sums, two vectors of B and one
 * of A are what fits without spilling.
 */
export function tileRoutine(routines: Routines): FunctionReference {
  return routines.get(
    'tile',
    { parameters: ['i32', 'i32', 'i32', 'i32', 'i32', 'i32'], result: null },
    (f) => {
      const [a, b, depth, c, rowBytes, adds] = [0, 1, 2, 3, 4, 5].map((i) => f.parameter('i32', i));
      const sums = Array.from({ length: TILE_ROWS }, () => [f.local('v128'), f.local('v128')]);
      const rows: I32[] = [c];
      for (let row = 1; row < TILE_ROWS; row++) {
        rows.push(f.keep(i32.add(rows[row - 1], rowBytes)));
      }
      f.if(adds, () => {
        sums.forEach((pair, row) => {
          pair.forEach((sum, half) => {
            f.set(sum, v128.load(rows[row], 16 * half));
          });
        });
      });
      const end = f.keep(i32.add(a, i32.shl(depth, i32.const(4))));
      f.loop((again) => {
        const left = f.keep(v128.load(b));
        const right = f.keep(v128.load(b, 16));
        sums.forEach(([first, second], row) => {
          const factor: Local<'v128'> = f.keep(v128.load32_splat(a, 4 * row));
          f.set(first, multiplyAdd(routines.target, factor, left, first));
          f.set(second, multiplyAdd(routines.target, factor, right, second));
        });
        f.increase(a, 4 * TILE_ROWS);
        f.increase(b, 4 * TILE_COLUMNS);
        f.branchIf(i32.lt_u(a, end), again);
      });
      sums.forEach((pair, row) => {
        pair.forEach((sum, half) => {
          f.emit(v128.store(rows[row], sum, 16 * half));
        });
      });
    },
  );
}
