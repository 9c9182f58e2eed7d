// The innermost loop of every product: a 4 × 8 tile of results held in vector registers.

import { i32 } from '../assembler/instructions.ts';
import type { I32 } from '../assembler/code.ts';
import type { Local } from '../assembler/function.ts';
import type { Routine } from '../assembler/routine.ts';
import { v128 } from '../assembler/simd.ts';
import type { Routines } from '../kernel/kernel-code.ts';
import { multiplyAdd } from '../kernel/multiply-add.ts';

/** Rows of the tile of a product that stays in registers. */
export const TILE_ROWS = 4;

/** Columns of that tile. With four rows, its sums take eight of the sixteen vector registers. */
export const TILE_COLUMNS = 8;

/** The parameters of {@link tileRoutine}. */
export const TILE = {
  /** Address of A, packed `[depth, 4]`: column after column. */
  a: 'i32',
  /** Address of B, packed `[depth, 8]`: row after row. */
  b: 'i32',
  /** At least 1. */
  depth: 'i32',
  /** Address of C. */
  c: 'i32',
  /** Bytes from row to row of C. */
  rowBytes: 'i32',
  /** Whether the product is added to what is in C. */
  adds: 'i32',
} as const;

/**
 * The heart of every product of matrices: `C = A · B`, or `C += A · B`, for a tile C [4, 8].
 *
 * The loop is not unrolled, because V8 has sixteen vector registers: eight sums, two vectors of B and one
 * of A are what fits without spilling.
 */
export function tileRoutine(routines: Routines): Routine<typeof TILE> {
  return routines.get('tile', TILE, (f, { a, b, depth, c, rowBytes, adds }) => {
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
  });
}
