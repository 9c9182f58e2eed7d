// Multiplies packed panels tile by tile, also at the edges where a tile is not full.

import { atMost, times } from '../kernel/addressing.ts';
import type { I32 } from '../assembler/code.ts';
import { f32, i32 } from '../assembler/instructions.ts';
import type { Routine } from '../assembler/routine.ts';
import type { Routines } from '../kernel/kernel-code.ts';
import { TILE, TILE_COLUMNS, TILE_ROWS, tileRoutine } from './tile.ts';

/** Steps of the depth that are multiplied at a time. Panels of so many steps stay in the cache. */
export const DEPTH_BLOCK = 256;

/** Bytes of scratch memory that {@link productRoutine} needs for tiles at the edge. */
export const EDGE_BYTES: number = 4 * TILE_ROWS * TILE_COLUMNS;

/** Bytes of one panel of `depth` steps of the left operand (4 rows). */
export function leftPanelBytes(depth: number): number {
  return 4 * TILE_ROWS * depth;
}

/** Bytes of one panel of `depth` steps of the right operand (8 columns). */
export function rightPanelBytes(depth: number): number {
  return 4 * TILE_COLUMNS * depth;
}

/** Bytes of all panels of a left operand of `rows` rows. */
export function leftBytes(rows: number, depth: number): number {
  return Math.ceil(rows / TILE_ROWS) * leftPanelBytes(depth);
}

/** Bytes of all panels of a right operand of `columns` columns. */
export function rightBytes(columns: number, depth: number): number {
  return Math.ceil(columns / TILE_COLUMNS) * rightPanelBytes(depth);
}

const PRODUCT = {
  /** Address of the panels of A. */
  a: 'i32',
  rows: 'i32',
  /** Address of the panels of B. */
  b: 'i32',
  columns: 'i32',
  depth: 'i32',
  /** Address of C. */
  c: 'i32',
  /** Bytes from row to row of C. */
  rowBytes: 'i32',
  /** Whether the product is added to what is in C. */
  adds: 'i32',
  /** Address of {@link EDGE_BYTES} of scratch memory. */
  scratch: 'i32',
} as const;

/**
 * `C [rows, columns] = A · B`, or `C += A · B`, of packed operands, tile by tile. A panel of B is used for
 * all of A before the next one. C is read only to add to it, and only its `rows × columns` elements are
 * written.
 */
export function productRoutine(routines: Routines): Routine<typeof PRODUCT> {
  const tile = tileRoutine(routines);
  const edge = edgeTileRoutine(routines);
  return routines.get(
    'product',
    PRODUCT,
    (f, { a, rows, b, columns, depth, c, rowBytes, adds, scratch }) => {
      const left = f.local('i32');
      const to = f.local('i32');
      const rowsLeft = f.local('i32');
      const leftStep = f.keep(times(depth, 4 * TILE_ROWS));
      const rightStep = f.keep(times(depth, 4 * TILE_COLUMNS));
      const tileStep = f.keep(times(rowBytes, TILE_ROWS));
      f.while(
        () => i32.gt_s(columns, i32.const(0)),
        () => {
          f.set(left, a);
          f.set(to, c);
          f.set(rowsLeft, rows);
          f.while(
            () => i32.gt_s(rowsLeft, i32.const(0)),
            () => {
              const isWhole = i32.and(
                i32.ge_s(rowsLeft, i32.const(TILE_ROWS)),
                i32.ge_s(columns, i32.const(TILE_COLUMNS)),
              );
              f.if(
                isWhole,
                () => {
                  tile.call(f, { a: left, b, depth, c: to, rowBytes, adds });
                },
                () => {
                  edge.call(f, {
                    a: left,
                    b,
                    depth,
                    c: to,
                    rowBytes,
                    adds,
                    rows: rowsLeft,
                    columns,
                    scratch,
                  });
                },
              );
              f.increase(left, leftStep);
              f.increase(to, tileStep);
              f.increase(rowsLeft, -TILE_ROWS);
            },
          );
          f.increase(b, rightStep);
          f.increase(c, 4 * TILE_COLUMNS);
          f.increase(columns, -TILE_COLUMNS);
        },
      );
    },
  );
}

/** The parameters of the tile, and how many of its rows and columns exist. */
const EDGE_TILE = { ...TILE, rows: 'i32', columns: 'i32', scratch: 'i32' } as const;

/**
 * A tile at the edge, of which only some rows and columns exist. It is computed whole in scratch memory;
 * then these are copied.
 */
function edgeTileRoutine(routines: Routines): Routine<typeof EDGE_TILE> {
  const tile = tileRoutine(routines);
  return routines.get(
    'edge tile',
    EDGE_TILE,
    (f, { a, b, depth, c, rowBytes, adds, rows, columns, scratch }) => {
      const wholeRowBytes = i32.const(4 * TILE_COLUMNS);
      tile.call(f, { a, b, depth, c: scratch, rowBytes: wholeRowBytes, adds: i32.const(0) });
      const width = f.keep(atMost(columns, TILE_COLUMNS));
      const forEachElement = (visit: (to: I32, from: I32) => void): void => {
        const to = f.local('i32');
        const from = f.local('i32');
        for (let row = 0; row < TILE_ROWS; row++) {
          f.if(i32.gt_s(rows, i32.const(row)), () => {
            f.set(to, i32.add(c, i32.mul(rowBytes, i32.const(row))));
            f.set(from, i32.add(scratch, i32.const(4 * TILE_COLUMNS * row)));
            f.for({ from: 0, to: width }, () => {
              visit(to, from);
              f.increase(to, 4);
              f.increase(from, 4);
            });
          });
        }
      };
      f.if(
        adds,
        () => {
          forEachElement((to, from) => {
            f.emit(f32.store(to, f32.add(f32.load(to), f32.load(from))));
          });
        },
        () => {
          forEachElement((to, from) => {
            f.emit(f32.store(to, f32.load(from)));
          });
        },
      );
    },
  );
}
