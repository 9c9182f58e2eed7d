// Softmax and its gradient for a panel of queries, whose vector lanes are the queries.

/**
 * The attention of some queries as a panel `[keys, width]`, whose lanes are queries. A product with the
 * queries on its right gives this form. Softmax then needs nothing across lanes, and the next product takes
 * its result as it lies.
 */
import { plus, times } from '../kernel/addressing.ts';
import type { I32 } from '../assembler/code.ts';
import type { FunctionBuilder, Local } from '../assembler/function.ts';
import { i32 } from '../assembler/instructions.ts';
import type { Routine } from '../assembler/routine.ts';
import { f32x4, v128 } from '../assembler/simd.ts';
import { decay } from '../rows/decay.ts';
import type { Routines, Target } from '../kernel/kernel-code.ts';
import { transpose4 } from '../product/packing.ts';
import {
  MOST_QUERIES,
  queriesOf,
  rowBytesOf,
  vectorsOf,
  type PanelWidth,
} from './panel-product.ts';
import { multiplyAdd } from '../kernel/multiply-add.ts';

/** Bytes of the state of a panel: the peaks, sums and factors of its queries. */
export const STATE_BYTES: number = 3 * rowBytesOf(MOST_QUERIES);

/** Where in the state the factors of the queries lie. */
export const FACTORS: number = 2 * rowBytesOf(MOST_QUERIES);

const [PEAKS, SUMS] = [0, rowBytesOf(MOST_QUERIES)];

const EXPONENTIALS = {
  /** Address of the products, `[keys, width]`. */
  panel: 'i32',
  /** At least 1. */
  keys: 'i32',
  /** Address of the state. */
  state: 'i32',
  /** Whether the state holds earlier keys. */
  continues: 'i32',
} as const;

/**
 * Turns products of queries and keys into `e^(scale · product − peak)` in place, and takes them into
 * account in the state. Where it continues, earlier sums must then be multiplied by the factors in the
 * state.
 */
export function exponentialsRoutine(
  routines: Routines,
  width: PanelWidth,
  scale: number,
): Routine<typeof EXPONENTIALS> {
  const { target } = routines;
  const offsets = vectorsOf(width);
  const rowBytes = rowBytesOf(width);
  const better = scale < 0 ? f32x4.pmin : f32x4.pmax;
  const worst = f32x4.constant(scale < 0 ? Infinity : -Infinity);
  const factor = f32x4.constant(scale);
  return routines.get(
    `exponentials of ${width}, scale ${scale}`,
    EXPONENTIALS,
    (f, { panel, keys, state, continues }) => {
      const end = f.keep(i32.add(panel, times(keys, rowBytes)));
      const extremes = offsets.map(() => f.local('v128', worst));
      forEachPanelRow(f, panel, end, rowBytes, (row) => {
        extremes.forEach((extreme, i) => {
          f.set(extreme, better(extreme, v128.load(row, offsets[i])));
        });
      });
      const peaks = extremes.map((extreme) => f.keep(f32x4.mul(extreme, factor)));
      f.if(continues, () => {
        peaks.forEach((peak, i) => {
          f.set(peak, f32x4.pmax(v128.load(state, PEAKS + offsets[i]), peak));
        });
      });
      // Where all logits are −∞, nothing may be subtracted. The sum 0 then gives NaN.
      const shifts = peaks.map((peak) =>
        f.keep(v128.andnot(f32x4.neg(peak), f32x4.eq(peak, f32x4.constant(-Infinity)))),
      );
      const sums = offsets.map(() => f.local('v128'));
      f.if(continues, () => {
        const shrunk = shifts.map((shift, i) => {
          const before = v128.load(state, PEAKS + offsets[i]);
          return f.keep(decay(f32x4.add(before, shift), f, target));
        });
        sums.forEach((sum, i) => {
          f.set(sum, f32x4.mul(v128.load(state, SUMS + offsets[i]), shrunk[i]));
        });
        shrunk.forEach((factors, i) => {
          f.emit(v128.store(state, factors, FACTORS + offsets[i]));
        });
      });
      forEachPanelRow(f, panel, end, rowBytes, (row) => {
        const exponentials = shifts.map((shift, i) => {
          // The product is rounded as that of the peak is, so that the largest exponent is 0 exactly.
          const logit = f32x4.mul(v128.load(row, offsets[i]), factor);
          return f.keep(decay(f32x4.add(logit, shift), f, target));
        });
        exponentials.forEach((exponential, i) => {
          f.emit(v128.store(row, exponential, offsets[i]));
        });
        sums.forEach((sum, i) => {
          f.set(sum, f32x4.add(sum, exponentials[i]));
        });
      });
      offsets.forEach((offset, i) => {
        f.emit(v128.store(state, peaks[i], PEAKS + offset));
      });
      offsets.forEach((offset, i) => {
        f.emit(v128.store(state, sums[i], SUMS + offset));
      });
    },
  );
}

const SOFTMAX_GRAD = {
  /** Address of the exponentials e, `[keys, width]`. */
  weights: 'i32',
  /** Address of the cotangents p̄, `[keys, width]`. */
  slopes: 'i32',
  /** The rows of both panels exist up to the next multiple of four. */
  keys: 'i32',
  /** Address of the state. */
  state: 'i32',
  /** Address of the left operand of p, at the step of the first query. */
  toP: 'i32',
  /** Address of the left operand of s̄, at the step of the first query. */
  toS: 'i32',
  /** Bytes of a panel of these operands. */
  panelBytes: 'i32',
  /** Queries of the panel that exist. */
  queries: 'i32',
} as const;

/**
 * The gradient of softmax for a panel. From exponentials e, their factors 1 / Σ e in the state, and
 * cotangents p̄ it computes `p = e / Σ e` and `s̄ = scale · p · (p̄ − Σ p̄·p)`. s̄ replaces p̄. Both p and
 * s̄ are also written transposed, as steps of left operands whose rows are the keys.
 */
export function softmaxGradRoutine(
  routines: Routines,
  width: PanelWidth,
  scale: number,
): Routine<typeof SOFTMAX_GRAD> {
  const { target } = routines;
  const offsets = vectorsOf(width);
  const rowBytes = rowBytesOf(width);
  const together = target.wide ? 2 : 1; // vectors, as many as fit into the registers
  return routines.get(
    `softmaxGrad of ${width}, scale ${scale}`,
    SOFTMAX_GRAD,
    (f, { weights, slopes, keys, state, toP, toS, panelBytes, queries }) => {
      const distance = f.keep(i32.sub(slopes, weights));
      const factors = offsets.map((offset) => f.keep(v128.load(state, FACTORS + offset)));
      const along = offsets.map(() => f.local('v128'));
      const end = f.keep(i32.add(weights, times(keys, rowBytes)));
      forEachPanelRow(f, weights, end, rowBytes, (row) => {
        const slope = f.keep(i32.add(row, distance));
        along.forEach((sum, i) => {
          const [e, cotangent] = [row, slope].map((each) => v128.load(each, offsets[i]));
          f.set(sum, multiplyAdd(target, e, cotangent, sum));
        });
      });
      along.forEach((sum, i) => {
        f.set(sum, f32x4.mul(sum, factors[i]));
      });
      const emitKeys = (isWhole: boolean): void => {
        forEachPanelRow(f, weights, end, 4 * rowBytes, (row) => {
          const slope = f.keep(i32.add(row, distance));
          for (let first = 0; first < offsets.length; first += together) {
            const vectors = offsets.slice(first, first + together);
            const rows = [0, 1, 2, 3].map((key) => {
              const places = vectors.map((offset) => rowBytes * key + offset);
              const p = places.map((at, i) =>
                f.keep(f32x4.mul(v128.load(row, at), factors[first + i])),
              );
              const s = places.map((at, i) => {
                const centered = f32x4.sub(v128.load(slope, at), along[first + i]);
                return f.keep(f32x4.mul(p[i], f32x4.mul(centered, f32x4.constant(scale))));
              });
              places.forEach((at, i) => {
                f.emit(v128.store(slope, s[i], at));
              });
              return [p, s];
            });
            vectors.forEach((_, i) => {
              const columns = [0, 1].map((which) =>
                transpose4(
                  f,
                  rows.map((each) => each[which][i]),
                ),
              );
              for (let query = 0; query < 4; query++) {
                const number = 4 * (first + i) + query; // of the panel
                const write = (): void => {
                  f.emit(v128.store(toP, columns[0][query], 16 * number));
                  f.emit(v128.store(toS, columns[1][query], 16 * number));
                };
                if (isWhole) write();
                else f.if(i32.gt_s(queries, i32.const(number)), write);
              }
            });
          }
          f.increase(toP, panelBytes);
          f.increase(toS, panelBytes);
        });
      };
      f.if(
        i32.eq(queries, i32.const(width)),
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

/**
 * Code that visits the panels of `queries` queries. Each visit gets the number of queries that are left.
 * Only the last block of T may have a panel that is not whole. It is as narrow as these queries allow.
 */
export function forEachPanel(
  f: FunctionBuilder,
  queries: I32,
  T: number,
  target: Target,
  visit: (width: PanelWidth, left: Local<'i32'>) => void,
): void {
  const left = f.keep(queries);
  const most = queriesOf(target);
  const rest = T % most;
  const last = rest === 0 || rest > 8 ? most : rest > 4 ? 8 : 4;
  f.while(
    () => i32.gt_s(left, i32.const(0)),
    () => {
      if (last === most) visit(most, left);
      else {
        f.if(
          i32.gt_s(left, i32.const(last)),
          () => {
            visit(most, left);
          },
          () => {
            visit(last, left);
          },
        );
      }
      f.increase(left, -most);
    },
  );
}

/** Code that sets the state's factors to 1 / sum. */
export function invertSums(f: FunctionBuilder, width: PanelWidth, state: I32): void {
  for (const offset of vectorsOf(width)) {
    const inverse = f32x4.div(f32x4.constant(1), v128.load(state, SUMS + offset));
    f.emit(v128.store(state, inverse, FACTORS + offset));
  }
}

/** Code that sets the state's factors to 1. */
export function clearFactors(f: FunctionBuilder, width: PanelWidth, state: I32): void {
  for (const offset of vectorsOf(width)) {
    f.emit(v128.store(state, f32x4.constant(1), FACTORS + offset));
  }
}

/** Code that multiplies a panel of `rows` rows by the state's factors. */
export function rescale(
  f: FunctionBuilder,
  width: PanelWidth,
  panel: Local<'i32'>,
  rows: number,
  state: I32,
): void {
  const offsets = vectorsOf(width);
  const rowBytes = rowBytesOf(width);
  const factors = offsets.map((offset) => f.keep(v128.load(state, FACTORS + offset)));
  forEachPanelRow(f, panel, f.keep(plus(panel, rows * rowBytes)), rowBytes, (row) => {
    const products = factors.map((factor, i) =>
      f.keep(f32x4.mul(v128.load(row, offsets[i]), factor)),
    );
    products.forEach((product, i) => {
      f.emit(v128.store(row, product, offsets[i]));
    });
  });
}

function forEachPanelRow(
  f: FunctionBuilder,
  from: Local<'i32'>,
  end: I32,
  step: number,
  visit: (row: Local<'i32'>) => void,
): void {
  const row = f.keep(from);
  f.while(
    () => i32.lt_u(row, end),
    () => {
      visit(row);
      f.increase(row, step);
    },
  );
}
