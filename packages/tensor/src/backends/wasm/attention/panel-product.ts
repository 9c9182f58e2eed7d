// Matrix products whose result is a panel of queries.

import { times } from '../kernel/addressing.ts';
import type { I32 } from '../assembler/code.ts';
import { i32, memory } from '../assembler/instructions.ts';
import type { Routine } from '../assembler/routine.ts';
import { f32x4, v128 } from '../assembler/simd.ts';
import { roundUp } from './attention-operands.ts';
import type { PhaseBody, Routines, Target } from '../kernel/kernel-code.ts';
import { multiplyAdd } from '../kernel/multiply-add.ts';
import type { Tile } from '../product/tile.ts';

/** Queries of a panel. The last panel is narrower where fewer are left. */
export type PanelWidth = 4 | 8 | 16;

/** Rows of a panel of a left operand. */
export const PANEL_ROWS = 4;

/** The most queries of a panel of any target. */
export const MOST_QUERIES = 16;

/** The most queries of a panel: two vectors, or two pairs of vectors. */
export function queriesOf({ wide }: Target): 8 | 16 {
  return wide ? MOST_QUERIES : 8;
}

/** The tile of the products of attention. */
export function panelTile(target: Target): Tile {
  return { rows: PANEL_ROWS, columns: queriesOf(target) };
}

/** Bytes of a row of a panel: a number for each query. */
export function rowBytesOf(width: number): number {
  return 4 * width;
}

/** Where the vectors of a row of a panel lie. */
export function vectorsOf(width: PanelWidth): readonly number[] {
  return [0, 16, 32, 48].slice(0, width / 4);
}

/**
 * Code for a product whose result is a panel: `to [rows, width] = left · right`, or `+=`. The rows of `to`
 * are written up to the next multiple of four.
 */
export function multiplyPanel(
  { f, routines }: Pick<PhaseBody, 'f' | 'routines'>,
  width: PanelWidth,
  product: {
    readonly left: I32;
    readonly rows: I32;
    readonly right: I32;
    readonly depth: I32;
    readonly to: I32;
    /** Whether to add. Default: no. */
    readonly adds?: I32;
  },
): void {
  const { left, rows, right, depth, to, adds = i32.const(0) } = product;
  const whole = f.keep(roundUp(rows, PANEL_ROWS));
  f.if(
    depth,
    () => {
      const routine = panelProductRoutine(routines, width);
      routine.call(f, { left, rows: whole, right, depth, to, adds });
    },
    () => {
      f.emit(memory.fill(to, i32.const(0), times(whole, rowBytesOf(width))));
    },
  );
}

const PANEL_PRODUCT = {
  /** Address of the panels of the left operand. */
  left: 'i32',
  /** Rows of the left operand, a multiple of four. */
  rows: 'i32',
  /** Address of the right operand, the panel `[depth, width]`. */
  right: 'i32',
  /** At least 1. */
  depth: 'i32',
  /** Address of the result, `[rows, width]`. */
  to: 'i32',
  /** Whether the product is added to what is there. */
  adds: 'i32',
} as const;

/**
 * The tiles of a product, one below the other, in one function. Where the depth is small, a call for each
 * tile would take a fifth of the time.
 */
function panelProductRoutine(routines: Routines, width: PanelWidth): Routine<typeof PANEL_PRODUCT> {
  const offsets = vectorsOf(width);
  const rowBytes = rowBytesOf(width);
  return routines.get(
    `product of a panel of ${width}`,
    PANEL_PRODUCT,
    (f, { left, rows, right, depth, to, adds }) => {
      const end = f.keep(i32.add(right, times(depth, rowBytes)));
      const step = f.local('i32');
      const places = Array.from({ length: PANEL_ROWS }, (_, row) =>
        offsets.map((offset) => rowBytes * row + offset),
      );
      const sums = places.map((row) => row.map((at) => ({ at, sum: f.local('v128') })));
      f.while(
        () => i32.gt_s(rows, i32.const(0)),
        () => {
          f.if(
            adds,
            () => {
              for (const { at, sum } of sums.flat()) f.set(sum, v128.load(to, at));
            },
            () => {
              for (const { sum } of sums.flat()) f.set(sum, f32x4.constant(0));
            },
          );
          f.set(step, right);
          f.loop((again) => {
            const vectors = offsets.map((offset) => f.keep(v128.load(step, offset)));
            sums.forEach((row, i) => {
              const factor = f.keep(v128.load32_splat(left, 4 * i));
              row.forEach(({ sum }, column) => {
                f.set(sum, multiplyAdd(routines.target, factor, vectors[column], sum));
              });
            });
            f.increase(left, 4 * PANEL_ROWS);
            f.increase(step, rowBytes);
            f.branchIf(i32.lt_u(step, end), again);
          });
          for (const { at, sum } of sums.flat()) f.emit(v128.store(to, sum, at));
          f.increase(to, rowBytes * PANEL_ROWS);
          f.increase(rows, -PANEL_ROWS);
        },
      );
    },
  );
}
