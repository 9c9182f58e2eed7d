// Multiplies packed panels tile by tile, also at the edges where a tile is not full.

import { atMost, times } from '../kernel/addressing.ts';
import type { I32 } from '../assembler/code.ts';
import { f32, i32 } from '../assembler/instructions.ts';
import type { Routine } from '../assembler/routine.ts';
import type { Routines } from '../kernel/kernel-code.ts';
import { TILE, tileRoutine, type Tile } from './tile.ts';

/** Bytes of scratch memory that {@link productRoutine} needs for tiles at the edge. */
export function edgeBytes({ rows, columns }: Tile): number {
  return 4 * rows * columns;
}

/** Bytes of all panels of `rows` rows of a left operand. */
export function leftBytes(tile: Tile, rows: number, depth: number): number {
  return 4 * tile.rows * Math.ceil(rows / tile.rows) * depth;
}

/** Bytes of all panels of `columns` columns of a right operand. */
export function rightBytes(tile: Tile, columns: number, depth: number): number {
  return 4 * tile.columns * Math.ceil(columns / tile.columns) * depth;
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
  /** Address of {@link edgeBytes} of scratch memory. */
  scratch: 'i32',
} as const;

/**
 * `C [rows, columns] = A · B`, or `C += A · B`, of packed operands, tile by tile. A panel of B is used for
 * all of A before the next one. C is read only to add to it, and only its `rows × columns` elements are
 * written.
 */
export function productRoutine(routines: Routines, tile: Tile): Routine<typeof PRODUCT> {
  const whole = tileRoutine(routines, tile);
  const edge = edgeTileRoutine(routines, tile);
  return routines.get(
    `product ${tile.rows} by ${tile.columns}`,
    PRODUCT,
    (f, { a, rows, b, columns, depth, c, rowBytes, adds, scratch }) => {
      const left = f.local('i32');
      const to = f.local('i32');
      const rowsLeft = f.local('i32');
      const leftStep = f.keep(times(depth, 4 * tile.rows));
      const rightStep = f.keep(times(depth, 4 * tile.columns));
      const tileStep = f.keep(times(rowBytes, tile.rows));
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
                i32.ge_s(rowsLeft, i32.const(tile.rows)),
                i32.ge_s(columns, i32.const(tile.columns)),
              );
              f.if(
                isWhole,
                () => {
                  whole.call(f, { a: left, b, depth, c: to, rowBytes, adds });
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
              f.increase(rowsLeft, -tile.rows);
            },
          );
          f.increase(b, rightStep);
          f.increase(c, 4 * tile.columns);
          f.increase(columns, -tile.columns);
        },
      );
    },
  );
}

/** The parameters of the tile, and how many of its rows and columns exist. */
const EDGE_TILE = { ...TILE, rows: 'i32', columns: 'i32', scratch: 'i32' } as const;

/**
 * A tile at the edge, of which only some rows and columns exist. The whole tile is computed in scratch memory,
 * and its existing elements are then copied to C. If it adds, they are first copied from C, so that the bits
 * do not depend on where the tiles lie.
 */
function edgeTileRoutine(routines: Routines, tile: Tile): Routine<typeof EDGE_TILE> {
  const whole = tileRoutine(routines, tile);
  return routines.get(
    `edge ${tile.rows} by ${tile.columns}`,
    EDGE_TILE,
    (f, { a, b, depth, c, rowBytes, adds, rows, columns, scratch }) => {
      const wholeRowBytes = 4 * tile.columns;
      const width = f.keep(atMost(columns, tile.columns));
      const forEachElement = (visit: (inC: I32, inScratch: I32) => void): void => {
        const inC = f.local('i32');
        const inScratch = f.local('i32');
        for (let row = 0; row < tile.rows; row++) {
          f.if(i32.gt_s(rows, i32.const(row)), () => {
            f.set(inC, i32.add(c, i32.mul(rowBytes, i32.const(row))));
            f.set(inScratch, i32.add(scratch, i32.const(wholeRowBytes * row)));
            f.for({ from: 0, to: width }, () => {
              visit(inC, inScratch);
              f.increase(inC, 4);
              f.increase(inScratch, 4);
            });
          });
        }
      };
      f.if(adds, () => {
        forEachElement((inC, inScratch) => {
          f.emit(f32.store(inScratch, f32.load(inC)));
        });
      });
      whole.call(f, { a, b, depth, c: scratch, rowBytes: i32.const(wholeRowBytes), adds });
      forEachElement((inC, inScratch) => {
        f.emit(f32.store(inC, f32.load(inScratch)));
      });
    },
  );
}
