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

/** The parameters of {@link productRoutine}. */
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
  const panel = panelRoutine(routines, tile, 'packed');
  return routines.get(
    `product ${tile.rows} by ${tile.columns}`,
    PRODUCT,
    (f, { b, columns, c, ...rest }) => {
      const step = f.keep(times(rest.depth, 4 * tile.columns));
      f.while(
        () => i32.gt_s(columns, i32.const(0)),
        () => {
          panel.call(f, { ...rest, b, columns, c, offsets: i32.const(0) });
          f.increase(b, step);
          f.increase(c, 4 * tile.columns);
          f.increase(columns, -tile.columns);
        },
      );
    },
  );
}

/** How many rows and columns of a product exist, and the address of {@link edgeBytes} of scratch memory. */
const EXTENT = { rows: 'i32', columns: 'i32', scratch: 'i32' } as const;

/** The parameters of {@link panelRoutine}. */
const PANEL: typeof TILE & typeof EXTENT = { ...TILE, ...EXTENT };

/** The product of all panels of A with the first columns of B, those of a tile or as many as there are. */
export function panelRoutine(routines: Routines, tile: Tile, kind: Rows): Routine<typeof PANEL> {
  const whole = tileRoutine(routines, tile, kind);
  const edge = edgeRoutine(routines, tile, kind);
  const name = `panel ${tile.rows} by ${tile.columns} ${kind}`;
  return routines.get(name, PANEL, (f, parameters) => {
    const { a, rows, columns, depth, c, rowBytes } = parameters;
    const leftStep = f.keep(times(depth, 4 * tile.rows));
    const tileStep = f.keep(times(rowBytes, tile.rows));
    f.while(
      () => i32.gt_s(rows, i32.const(0)),
      () => {
        const isWhole = i32.and(
          i32.ge_s(rows, i32.const(tile.rows)),
          i32.ge_s(columns, i32.const(tile.columns)),
        );
        f.if(
          isWhole,
          () => {
            whole.call(f, parameters);
          },
          () => {
            edge.call(f, parameters);
          },
        );
        f.increase(a, leftStep);
        f.increase(c, tileStep);
        f.increase(rows, -tile.rows);
      },
    );
  });
}

/**
 * A tile at the edge, of which only some rows and columns exist. The whole tile is computed in scratch memory,
 * and its existing elements are then copied to C. If it adds, they are first copied from C, so that the bits
 * do not depend on where the tiles lie.
 */
function edgeRoutine(routines: Routines, tile: Tile, kind: Rows): Routine<typeof PANEL> {
  const whole = tileRoutine(routines, tile, kind);
  return routines.get(`edge ${tile.rows} by ${tile.columns} ${kind}`, PANEL, (f, parameters) => {
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
