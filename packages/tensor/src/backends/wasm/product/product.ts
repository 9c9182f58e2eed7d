// Multiplies packed panels tile by tile, also at the edges where a tile is not full.

import { atMost, times } from '../kernel/addressing.ts';
import type { I32 } from '../assembler/code.ts';
import { f32, i32 } from '../assembler/instructions.ts';
import type { Routine } from '../assembler/routine.ts';
import type { Routines } from '../kernel/kernel-code.ts';
import { TILE, tileRoutine, type Rows, type Tile } from './tile.ts';

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

/** How many rows and columns of a product exist, and the address of {@link edgeBytes} of scratch memory. */
const EXTENT = { rows: 'i32', columns: 'i32', scratch: 'i32' } as const;

/** The parameters of {@link productRoutine}: those of a tile, with all panels of A and of B. */
const PRODUCT: typeof TILE & typeof EXTENT = { ...TILE, ...EXTENT };

/**
 * `C [rows, columns] = A · B`, or `C += A · B`, tile by tile. A is packed, and so is B unless its rows are
 * scattered. A panel of B is used for all of A before the next one. C is read only to add to it, and only its
 * `rows × columns` elements are written.
 */
export function productRoutine(
  routines: Routines,
  tile: Tile,
  kind: Rows = 'packed',
): Routine<typeof PRODUCT> {
  const whole = tileRoutine(routines, tile, kind);
  const edge = edgeRoutine(routines, tile, kind);
  return routines.get(
    `product ${tile.rows} by ${tile.columns} ${kind}`,
    PRODUCT,
    (f, { a, c, rows, ...rest }) => {
      const { b, columns, depth, rowBytes } = rest;
      const left = f.local('i32');
      const to = f.local('i32');
      const rowsLeft = f.local('i32');
      const leftStep = f.keep(times(depth, 4 * tile.rows));
      const stepBytes = times(kind === 'packed' ? depth : i32.const(1), 4 * tile.columns);
      const rightStep = f.keep(stepBytes);
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
              const now = { ...rest, a: left, c: to, rows: rowsLeft };
              f.if(
                isWhole,
                () => {
                  whole.call(f, now);
                },
                () => {
                  edge.call(f, now);
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

/**
 * A tile at the edge, of which only some rows and columns exist. The whole tile is computed in scratch memory,
 * and its existing elements are then copied to C. If it adds, they are first copied from C, so that the bits
 * do not depend on where the tiles lie.
 */
function edgeRoutine(routines: Routines, tile: Tile, kind: Rows): Routine<typeof PRODUCT> {
  const whole = tileRoutine(routines, tile, kind);
  return routines.get(`edge ${tile.rows} by ${tile.columns} ${kind}`, PRODUCT, (f, parameters) => {
    const { c, rowBytes, adds, rows, columns, scratch } = parameters;
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
    whole.call(f, { ...parameters, c: scratch, rowBytes: i32.const(wholeRowBytes) });
    forEachElement((inC, inScratch) => {
      f.emit(f32.store(inC, f32.load(inScratch)));
    });
  });
}
