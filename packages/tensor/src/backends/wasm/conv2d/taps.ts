// Packs the taps of a convolution as a panel for products whose depth is the window positions.

import { least, plus, times } from '../kernel/addressing.ts';
import type { I32, V128 } from '../assembler/code.ts';
import type { FunctionBuilder } from '../assembler/function.ts';
import { i32 } from '../assembler/instructions.ts';
import type { Routine } from '../assembler/routine.ts';
import { v128 } from '../assembler/simd.ts';
import type { Routines } from '../kernel/kernel-code.ts';
import { transpose4 } from '../product/packing.ts';

const PACK_TAPS = {
  to: 'i32',
  /** Address of the first window. */
  window: 'i32',
  /** Address of the taps in the table. */
  table: 'i32',
  positions: 'i32',
} as const;

/** Packs `width` taps at the positions of one row: `[position, width]`. */
export function packTaps(
  routines: Routines,
  width: number,
  positions: number,
): Routine<typeof PACK_TAPS> {
  const isShort = positions < 4;
  return routines.get(
    `pack ${width} taps${isShort ? ' one by one' : ''}`,
    PACK_TAPS,
    (f, { to, window, table, positions: count }) => {
      const taps = Array.from({ length: width }, (_, i) =>
        f.keep(i32.add(window, i32.load(table, 4 * i))),
      );
      if (isShort) packOneByOne(f, taps, to, count);
      else packFours(f, taps, to, count);
    },
  );
}

/**
 * Packs four positions of four taps at a time, by a transpose in registers. The last four may overlap those
 * before.
 */
function packFours(f: FunctionBuilder, taps: readonly I32[], to: I32, count: I32): void {
  const lastFour = f.keep(plus(count, -4));
  f.for({ from: 0, to: count, step: 4 }, (next) => {
    const position = f.keep(least(next, lastFour));
    const bytes = f.keep(i32.shl(position, i32.const(2)));
    const target = f.keep(i32.add(to, times(position, 4 * taps.length)));
    for (let first = 0; first < taps.length; first += 4) {
      const rows = [0, 1, 2, 3].map((i) => f.keep(v128.load(i32.add(taps[first + i], bytes))));
      transpose4(f, rows).forEach((vector: V128, i) => {
        f.emit(v128.store(target, vector, 4 * (i * taps.length + first)));
      });
    }
  });
}

function packOneByOne(f: FunctionBuilder, taps: readonly I32[], to: I32, count: I32): void {
  f.for({ from: 0, to: count }, (position) => {
    const bytes = f.keep(i32.shl(position, i32.const(2)));
    const target = f.keep(i32.add(to, times(position, 4 * taps.length)));
    taps.forEach((tap, i) => {
      f.emit(i32.store(target, i32.load(i32.add(tap, bytes)), 4 * i));
    });
  });
}
