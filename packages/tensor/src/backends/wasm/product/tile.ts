// The innermost loop of every product: a tile of results held in vector registers.

import { i32 } from '../assembler/instructions.ts';
import type { I32 } from '../assembler/code.ts';
import type { Local } from '../assembler/function.ts';
import type { Routine } from '../assembler/routine.ts';
import { v128 } from '../assembler/simd.ts';
import { times } from '../kernel/addressing.ts';
import type { Routines, Target } from '../kernel/kernel-code.ts';
import { multiplyAdd } from '../kernel/multiply-add.ts';

/** The tile of a product that stays in registers. */
export interface Tile {
  /** Rows of the left operand. */
  readonly rows: number;
  /** Columns of the right operand, a multiple of four. */
  readonly columns: number;
}

/** A tile, and how much of a product is multiplied at a time. */
export interface Blocking extends Tile {
  /** Steps of the depth that are multiplied at a time. Panels of so many steps stay in the cache. */
  readonly depth: number;
  /** Rows up to which units have all of them and pack their own columns; 0 where that gains nothing. */
  readonly fewRows: number;
}

/** Eight vectors of sums, of the sixteen vector registers that there are. */
const NARROW: Blocking = { rows: 4, columns: 8, depth: 256, fewRows: 0 };

/** Twelve sums of 256 bits. V8 has fifteen such registers to give; two hold B, one holds A. */
const WIDE: Blocking = { rows: 6, columns: 16, depth: 384, fewRows: 192 };

/** The tile of the products of a target. */
export function tileOf({ wide }: Target): Blocking {
  return wide ? WIDE : NARROW;
}

/** How the rows of B lie: one behind the other, or each at an offset of its own. */
export type Rows = 'packed' | 'scattered';

/** The parameters of {@link tileRoutine}. */
export const TILE = {
  /** Address of A, packed `[depth, rows]`: column after column. */
  a: 'i32',
  /** Address of B, `[depth, columns]`: of its first row, or that to which the offsets are added. */
  b: 'i32',
  /** Where the rows of B are scattered: address of their offsets from b, in bytes. */
  offsets: 'i32',
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
 * The heart of every product of matrices: `C = A · B`, or `C += A · B`, for a tile C of rows and columns.
 *
 * The loop is not unrolled: the sums, a row of B and a number of A are what the registers hold.
 */
export function tileRoutine(
  routines: Routines,
  { rows, columns }: Tile,
  kind: Rows,
): Routine<typeof TILE> {
  const name = `tile ${rows} by ${columns} ${kind}`;
  return routines.get(name, TILE, (f, { a, b, offsets, depth, c, rowBytes, adds }) => {
    const places = Array.from({ length: columns / 4 }, (_, i) => 16 * i);
    const sums = Array.from({ length: rows }, () => places.map(() => f.local('v128')));
    const lines: I32[] = [c];
    for (let row = 1; row < rows; row++) lines.push(f.keep(i32.add(lines[row - 1], rowBytes)));
    f.if(adds, () => {
      sums.forEach((line, row) => {
        line.forEach((sum, i) => {
          f.set(sum, v128.load(lines[row], places[i]));
        });
      });
    });
    const end = f.keep(i32.add(a, times(depth, 4 * rows)));
    f.loop((again) => {
      const at = kind === 'packed' ? b : f.keep(i32.add(b, i32.load(offsets)));
      const vectors = places.map((place) => f.keep(v128.load(at, place)));
      sums.forEach((line, row) => {
        const factor: Local<'v128'> = f.keep(v128.load32_splat(a, 4 * row));
        line.forEach((sum, i) => {
          f.set(sum, multiplyAdd(routines.target, factor, vectors[i], sum));
        });
      });
      f.increase(a, 4 * rows);
      if (kind === 'packed') f.increase(b, 4 * columns);
      else f.increase(offsets, 4);
      f.branchIf(i32.lt_u(a, end), again);
    });
    sums.forEach((line, row) => {
      line.forEach((sum, i) => {
        f.emit(v128.store(lines[row], sum, places[i]));
      });
    });
  });
}
