/**
 * The attention of eight queries: a panel `[keys, 8]` whose lanes are queries. In this form, which is
 * what a product with the queries on its right gives, softmax needs nothing across lanes, and the next
 * product takes its result as it lies.
 */
import { plus, times } from './addressing.ts';
import { roundUp } from './attention-operands.ts';
import type { I32 } from './assembler/code.ts';
import type { FunctionBuilder, FunctionReference, Local } from './assembler/function.ts';
import { f32, i32, memory } from './assembler/instructions.ts';
import { f32x4, v128 } from './assembler/simd.ts';
import { decay } from './decay.ts';
import type { PhaseBody, Routines } from './kernel-code.ts';
import { transpose4 } from './packing.ts';
import { productRoutine } from './product.ts';
import { multiplyAdd, TILE_COLUMNS, TILE_ROWS } from './tile.ts';

/** Queries of a panel. */
export const QUERIES: number = TILE_COLUMNS;

/** Bytes of a row of a panel: a number for each query. */
export const ROW_BYTES: number = 4 * QUERIES;

/** Bytes of what is known about the queries of a panel: their peaks, sums and factors. */
export const STATE_BYTES: number = 3 * ROW_BYTES;

const HALVES = [0, 16];
const [PEAKS, SUMS, FACTORS] = [0, ROW_BYTES, 2 * ROW_BYTES];

/**
 * Turns products of queries and keys into `e^(scale · product − peak)` in place, and takes them into
 * account in the state.
 *
 * Parameters: address of the panel; keys, at least 1; address of the state; whether it holds earlier
 * keys. Afterwards the state's factors are what to multiply earlier sums of the queries by.
 */
export function exponentialsRoutine(routines: Routines, scale: number): FunctionReference {
  const { target } = routines;
  const better = scale < 0 ? f32x4.pmin : f32x4.pmax;
  const worst = f32x4.constant(scale < 0 ? Infinity : -Infinity);
  const factor = f32x4.constant(scale);
  return routines.get(
    `exponentials ${scale}`,
    { parameters: ['i32', 'i32', 'i32', 'i32'], result: null },
    (f) => {
      const [panel, keys, state, continues] = [0, 1, 2, 3].map((i) => f.parameter('i32', i));
      const end = f.keep(i32.add(panel, times(keys, ROW_BYTES)));
      const extremes = HALVES.map(() => f.local('v128', worst));
      forEachRow(f, panel, end, (row) => {
        extremes.forEach((extreme, i) => {
          f.set(extreme, better(extreme, v128.load(row, HALVES[i])));
        });
      });
      const peaks = extremes.map((extreme) => f.keep(f32x4.mul(extreme, factor)));
      f.if(continues, () => {
        peaks.forEach((peak, i) => {
          f.set(peak, f32x4.pmax(v128.load(state, PEAKS + HALVES[i]), peak));
        });
      });
      // Where all is −∞ nothing may be subtracted; the sum 0 then gives NaN.
      const shifts = peaks.map((peak) =>
        f.keep(v128.andnot(f32x4.neg(peak), f32x4.eq(peak, f32x4.constant(-Infinity)))),
      );
      const sums = HALVES.map(() => f.local('v128'));
      f.if(continues, () => {
        sums.forEach((sum, i) => {
          const before = v128.load(state, PEAKS + HALVES[i]);
          const shrunk = f.keep(decay(f32x4.add(before, shifts[i]), f, target));
          f.emit(v128.store(state, shrunk, FACTORS + HALVES[i]));
          f.set(sum, f32x4.mul(v128.load(state, SUMS + HALVES[i]), shrunk));
        });
      });
      forEachRow(f, panel, end, (row) => {
        sums.forEach((sum, i) => {
          const exponent = multiplyAdd(target, v128.load(row, HALVES[i]), factor, shifts[i]);
          const exponential = f.keep(decay(exponent, f, target));
          f.emit(v128.store(row, exponential, HALVES[i]));
          f.set(sum, f32x4.add(sum, exponential));
        });
      });
      HALVES.forEach((half, i) => {
        f.emit(v128.store(state, peaks[i], PEAKS + half), v128.store(state, sums[i], SUMS + half));
      });
    },
  );
}

/**
 * The gradient of softmax for a panel: of exponentials e with their sums in the state and cotangents p̄
 * it makes `p = e / Σ e` and `s̄ = scale · p · (p̄ − Σ p̄·p)`. s̄ replaces p̄; p and s̄ are also written
 * transposed, as steps of left operands whose rows are the keys.
 *
 * Parameters: addresses of e and p̄; keys, of which rows up to the next multiple of four exist; address
 * of the state; addresses of the operands of p and s̄ at the step of the first query; bytes of one of
 * their panels; queries that there are.
 */
export function softmaxGradRoutine(routines: Routines, scale: number): FunctionReference {
  const { target } = routines;
  return routines.get(
    `softmaxGrad of a panel ${scale}`,
    { parameters: Array.from({ length: 8 }, () => 'i32' as const), result: null },
    (f) => {
      const [weights, slopes, keys, state, toP, toS, panelBytes, queries] = Array.from(
        { length: 8 },
        (_, i) => f.parameter('i32', i),
      );
      const distance = f.keep(i32.sub(slopes, weights));
      const factors = HALVES.map((half) => f.keep(v128.load(state, FACTORS + half)));
      const along = HALVES.map(() => f.local('v128'));
      const end = f.keep(i32.add(weights, times(keys, ROW_BYTES)));
      forEachRow(f, weights, end, (row) => {
        const slope = f.keep(i32.add(row, distance));
        along.forEach((sum, i) => {
          const [e, cotangent] = [row, slope].map((each) => v128.load(each, HALVES[i]));
          f.set(sum, multiplyAdd(target, e, cotangent, sum));
        });
      });
      along.forEach((sum, i) => {
        f.set(sum, f32x4.mul(sum, factors[i]));
      });
      const emitKeys = (isWhole: boolean): void => {
        forEachRow(
          f,
          weights,
          end,
          (row) => {
            const slope = f.keep(i32.add(row, distance));
            HALVES.forEach((half, i) => {
              const places = [0, 1, 2, 3].map((key) => ROW_BYTES * key + half);
              const p = places.map((at) => f.keep(f32x4.mul(v128.load(row, at), factors[i])));
              const s = places.map((at, key) => {
                const centered = f32x4.sub(v128.load(slope, at), along[i]);
                const scaled = f32x4.mul(centered, f32x4.constant(scale));
                const vector = f.keep(f32x4.mul(p[key], scaled));
                f.emit(v128.store(slope, vector, at));
                return vector;
              });
              const columns = [transpose4(f, p), transpose4(f, s)];
              for (let query = 0; query < 4; query++) {
                const number = 4 * i + query;
                const write = (): void => {
                  f.emit(v128.store(toP, columns[0][query], 16 * number));
                  f.emit(v128.store(toS, columns[1][query], 16 * number));
                };
                if (isWhole) write();
                else f.if(i32.gt_s(queries, i32.const(number)), write);
              }
            });
            f.increase(toP, panelBytes);
            f.increase(toS, panelBytes);
          },
          4,
        );
      };
      f.if(
        i32.eq(queries, i32.const(QUERIES)),
        () => {
          emitKeys(true);
        },
        () => {
          emitKeys(false);
        },
      );
    },
  );
}

/** Code that visits panels of `queries` queries, with the number of queries that are left. */
export function forEachPanel(
  f: FunctionBuilder,
  queries: I32,
  visit: (left: Local<'i32'>) => void,
): void {
  const left = f.keep(queries);
  f.while(
    () => i32.gt_s(left, i32.const(0)),
    () => {
      visit(left);
      f.increase(left, -QUERIES);
    },
  );
}

/**
 * Code for a product that is a panel: `to [rows, 8] = left · right`, or `+=`. The rows of `to` are
 * written up to the next multiple of four.
 */
export function multiplyPanel(
  { f, routines }: Pick<PhaseBody, 'f' | 'routines'>,
  product: {
    readonly left: I32;
    readonly rows: I32;
    readonly right: I32;
    readonly depth: I32;
    readonly to: I32;
    /** Whether to add. Default: not. */
    readonly adds?: I32;
  },
): void {
  const { left, rows, right, depth, to, adds = i32.const(0) } = product;
  const whole = f.keep(roundUp(rows, TILE_ROWS));
  f.if(
    depth,
    () => {
      const columns = i32.const(TILE_COLUMNS);
      const rowBytes = i32.const(ROW_BYTES);
      // Whole tiles need no memory for those at the edge.
      f.call(productRoutine(routines), left, whole, right, columns, depth, to, rowBytes, adds, to);
    },
    () => {
      f.emit(memory.fill(to, i32.const(0), times(whole, ROW_BYTES)));
    },
  );
}

/** Code that sets the state's factors to 1 / sum. */
export function invertSums(f: FunctionBuilder, state: I32): void {
  for (const half of HALVES) {
    const inverse = f32x4.div(f32x4.constant(1), v128.load(state, SUMS + half));
    f.emit(v128.store(state, inverse, FACTORS + half));
  }
}

/** Code that sets the state's factors to a number. */
export function setFactors(f: FunctionBuilder, state: I32, factor: number): void {
  for (const half of HALVES) {
    f.emit(v128.store(state, f32x4.constant(factor), FACTORS + half));
  }
}

/** Code that multiplies a panel of `rows` rows by the state's factors. */
export function rescale(f: FunctionBuilder, panel: I32, rows: number, state: I32): void {
  const factors = HALVES.map((half) => f.keep(v128.load(state, FACTORS + half)));
  const from = f.keep(panel);
  forEachRow(f, from, f.keep(plus(from, rows * ROW_BYTES)), (row) => {
    factors.forEach((factor, i) => {
      const product = f32x4.mul(v128.load(row, HALVES[i]), factor);
      f.emit(v128.store(row, product, HALVES[i]));
    });
  });
}

/**
 * Writes a panel `[columns, 8]`, multiplied by factors of the queries, as rows: `[queries, columns]`.
 *
 * Parameters: address of the panel, columns, address of the state, queries that there are, address of
 * the first row, whose neighbours follow without gaps.
 */
export function writeRowsRoutine(routines: Routines): FunctionReference {
  return routines.get(
    'write rows',
    { parameters: ['i32', 'i32', 'i32', 'i32', 'i32'], result: null },
    (f) => {
      const [panel, columns, state, queries, to] = [0, 1, 2, 3, 4].map((i) =>
        f.parameter('i32', i),
      );
      const rowBytes = f.keep(times(columns, 4));
      const done = f.local('i32');
      f.if(i32.eq(queries, i32.const(QUERIES)), () => {
        const factors = HALVES.map((half) => f.keep(v128.load(state, FACTORS + half)));
        const from = f.keep(panel);
        f.while(
          () => i32.le_u(plus(done, 4), columns),
          () => {
            const row = f.keep(i32.add(to, times(done, 4)));
            HALVES.forEach((half, i) => {
              const vectors = [0, 1, 2, 3].map((j) =>
                f.keep(f32x4.mul(v128.load(from, ROW_BYTES * j + half), factors[i])),
              );
              for (const vector of transpose4(f, vectors)) {
                f.emit(v128.store(row, vector));
                f.increase(row, rowBytes);
              }
            });
            f.increase(from, 4 * ROW_BYTES);
            f.increase(done, 4);
          },
        );
      });
      writeOneByOne(f, { panel, columns, state, queries, to, first: done });
    },
  );
}

/** Writes the columns from `first` on. */
function writeOneByOne(
  f: FunctionBuilder,
  rows: Readonly<Record<'panel' | 'columns' | 'state' | 'queries' | 'to' | 'first', Local<'i32'>>>,
): void {
  const { panel, columns, state, queries, to, first } = rows;
  f.for({ from: 0, to: queries }, (query) => {
    const bytes = f.keep(times(query, 4));
    const factor = f.keep(f32.load(i32.add(state, bytes), FACTORS));
    const from = f.keep(i32.add(i32.add(panel, times(first, ROW_BYTES)), bytes));
    const element = f.keep(i32.add(to, times(i32.add(i32.mul(query, columns), first), 4)));
    f.for({ from: first, to: columns }, () => {
      f.emit(f32.store(element, f32.mul(f32.load(from), factor)));
      f.increase(from, ROW_BYTES);
      f.increase(element, 4);
    });
  });
}

function forEachRow(
  f: FunctionBuilder,
  from: Local<'i32'>,
  end: I32,
  visit: (row: Local<'i32'>) => void,
  step = 1,
): void {
  const row = f.keep(from);
  f.while(
    () => i32.lt_u(row, end),
    () => {
      visit(row);
      f.increase(row, ROW_BYTES * step);
    },
  );
}
