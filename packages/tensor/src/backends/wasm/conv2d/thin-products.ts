// Products of one or two rows with windows, for images of few channels, without packing.

/**
 * Products of one or two rows with windows, for images of one channel for example. Most of a tile would be
 * empty, and packing would cost more than it saves. So they read the field as it lies.
 */
import type { I32 } from '../assembler/code.ts';
import type { FunctionBuilder, Local } from '../assembler/function.ts';
import { f32, i32 } from '../assembler/instructions.ts';
import type { Routine } from '../assembler/routine.ts';
import { f32x4, v128 } from '../assembler/simd.ts';
import type { Routines } from '../kernel/kernel-code.ts';
import { multiplyAdd } from '../kernel/multiply-add.ts';
import { times } from '../kernel/addressing.ts';
import type { Tile } from '../product/tile.ts';

/** The most rows of a thin product. */
export const THIN_ROWS = 2;

/** Vectors of positions at a time. Four measured faster than eight, of which more straddle cache lines. */
const VECTORS = 4;

/** Taps that {@link tapSumsRoutine} sums at a time: half of the vector registers. */
export const SUMMED_TAPS = 8;

/** Bytes behind the last window that {@link windowRowRoutine} may read. */
export const READ_AHEAD: number = 16 * VECTORS;

/** Positions that {@link windowRowRoutine} computes at a time. */
export function positionsAtATime(columns: number): number {
  return 4 * Math.min(VECTORS, Math.ceil(columns / 4));
}

const WINDOW_ROW = {
  /** Address of the panel of A. */
  a: 'i32',
  /** Address of the first position. */
  at: 'i32',
  /** Address of the table of taps. */
  table: 'i32',
  depth: 'i32',
  /** Address of C, whose rows lie side by side. */
  c: 'i32',
} as const;

/** `C [rows, positions] = A · windows` at neighbouring positions. */
export function windowRowRoutine(
  routines: Routines,
  tile: Tile,
  rows: number,
  positions: number,
): Routine<typeof WINDOW_ROW> {
  const name = `windows ${rows} by ${positions}`;
  return routines.get(name, WINDOW_ROW, (f, { a, at, table, depth, c }) => {
    const sums = Array.from({ length: rows }, () =>
      Array.from({ length: positions / 4 }, () => f.local('v128')),
    );
    const end = f.keep(i32.add(a, times(depth, 4 * tile.rows)));
    f.loop((again) => {
      const window = f.keep(i32.add(at, i32.load(table)));
      const factors = sums.map((_, row) => f.keep(v128.load32_splat(a, 4 * row)));
      for (let i = 0; i < positions / 4; i++) {
        const values = f.keep(v128.load(window, 16 * i));
        sums.forEach((vectors, row) => {
          f.set(vectors[i], multiplyAdd(routines.target, factors[row], values, vectors[i]));
        });
      }
      f.increase(table, 4);
      f.increase(a, 4 * tile.rows);
      f.branchIf(i32.lt_u(a, end), again);
    });
    sums.flat().forEach((sum, i) => {
      f.emit(v128.store(c, sum, 16 * i));
    });
  });
}

const TAP_SUMS = {
  /** Address of ȳ. */
  cotangent: 'i32',
  /** Address of the list of addresses of the first window of each image. */
  starts: 'i32',
  images: 'i32',
  rows: 'i32',
  /** Bytes from row to row of windows. */
  rowBytes: 'i32',
  positions: 'i32',
  /** Address of the eight taps in the table. */
  table: 'i32',
  /** Address of C. */
  c: 'i32',
} as const;

/**
 * `C [8] = Σ ȳ · x` for eight taps. The sum runs over `positions` positions in each of `rows` rows of each
 * of `images` images.
 */
export function tapSumsRoutine(routines: Routines): Routine<typeof TAP_SUMS> {
  return routines.get('tap sums', TAP_SUMS, (f, parameters) => {
    const { cotangent, starts, images, rows, rowBytes, positions, table, c } = parameters;
    const sums = Array.from({ length: SUMMED_TAPS }, () => f.local('v128'));
    const taps = sums.map(() => f.local('i32'));
    const at = f.local('i32');
    const add = (load: typeof v128.load): void => {
      const factor = f.keep(load(i32.add(cotangent, at)));
      sums.forEach((sum, i) => {
        f.set(sum, multiplyAdd(routines.target, factor, load(i32.add(taps[i], at)), sum));
      });
    };
    const bytes = f.keep(i32.shl(positions, i32.const(2)));
    const vectorBytes = f.keep(i32.and(bytes, i32.const(-16)));
    f.for({ from: 0, to: images }, () => {
      const line = f.keep(i32.load(starts));
      f.for({ from: 0, to: rows }, () => {
        taps.forEach((tap, i) => {
          f.set(tap, i32.add(line, i32.load(table, 4 * i)));
        });
        f.set(at, i32.const(0));
        f.while(
          () => i32.lt_u(at, vectorBytes),
          () => {
            add(v128.load);
            f.increase(at, 16);
          },
        );
        f.while(
          () => i32.lt_u(at, bytes),
          () => {
            add(v128.load32_zero);
            f.increase(at, 4);
          },
        );
        f.increase(cotangent, bytes);
        f.increase(line, rowBytes);
      });
      f.increase(starts, 4);
    });
    sums.forEach((sum, i) => {
      storeTotal(f, c, sum, i);
    });
  });
}

/** Stores the sum of the four lanes as element `i`. */
function storeTotal(f: FunctionBuilder, to: I32, sum: Local<'v128'>, i: number): void {
  const [a, b, c, d] = [0, 1, 2, 3].map((lane) => f32x4.extract_lane(sum, lane));
  f.emit(f32.store(to, f32.add(f32.add(a, b), f32.add(c, d)), 4 * i));
}
