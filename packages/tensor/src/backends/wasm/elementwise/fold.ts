// How a reduction folds vectors of elements, and then the vector's lanes, into one total.

import type { ReduceKernel } from '../../../plan/kernel.ts';
import type { ReduceParams } from '../../../primitives/reduce.ts';
import type { F64, I32, Statement, V128, Value } from '../assembler/code.ts';
import type { FunctionBuilder, Local } from '../assembler/function.ts';
import { f32, f64, i32, select } from '../assembler/instructions.ts';
import { f32x4, i32x4, v128 } from '../assembler/simd.ts';

/** The running total of a fold: a float64 for float32 elements, an int32 for int32 elements. */
export type Total = Value<'f64'> | Value<'i32'>;

/** How a reduction folds vectors of elements, and their lanes into one total. */
export interface Fold {
  /** The identity in every lane: 0 for a sum, the least value for a maximum. */
  readonly identity: V128;
  combine(a: V128, b: V128): V128;
  /** A new total of no elements. */
  start(f: FunctionBuilder): Local<'f64'> | Local<'i32'>;
  /** Folds the four lanes into the total. */
  join(f: FunctionBuilder, total: Local<'f64'> | Local<'i32'>, lanes: Local<'v128'>): void;
  /** Folds a total from memory into the total. */
  joinStored(f: FunctionBuilder, total: Local<'f64'> | Local<'i32'>, address: I32): void;
  /** Stores a total in memory, in eight bytes. */
  keep(address: I32, total: Total): Statement;
  /** Writes the total as an element. */
  write(address: I32, total: Total): Statement;
}

/** The fold of a kernel. */
export function foldOf({ primitive, outputs: [{ dtype }] }: ReduceKernel): Fold {
  const { float32, int32 } = folds[primitive.name as keyof ReduceParams];
  return dtype === 'int32' ? int32 : float32;
}

function floatFold(
  initial: number,
  combine: (a: V128, b: V128) => V128,
  combineTotals: (a: F64, b: F64) => F64,
): Fold {
  const add = (f: FunctionBuilder, total: Local<'f64'> | Local<'i32'>, value: F64): void => {
    f.set(total as Local<'f64'>, combineTotals(total as Local<'f64'>, value));
  };
  return {
    identity: f32x4.constant(initial),
    combine,
    start: (f) => f.local('f64', f64.const(initial)),
    join: (f, total, lanes) => {
      for (let lane = 0; lane < 4; lane++) {
        add(f, total, f64.promote_f32(f32x4.extract_lane(lanes, lane)));
      }
    },
    joinStored: (f, total, address) => {
      add(f, total, f64.load(address));
    },
    keep: (address, total) => f64.store(address, total as F64),
    write: (address, total) => f32.store(address, f32.demote_f64(total as F64)),
  };
}

function int32Fold(
  initial: number,
  combine: (a: V128, b: V128) => V128,
  combineTotals: (a: Local<'i32'>, b: Local<'i32'>) => I32,
): Fold {
  const add = (f: FunctionBuilder, total: Local<'f64'> | Local<'i32'>, value: I32): void => {
    f.set(total as Local<'i32'>, combineTotals(total as Local<'i32'>, f.keep(value)));
  };
  return {
    identity: i32x4.const(initial, initial, initial, initial),
    combine,
    start: (f) => f.local('i32', i32.const(initial)),
    join: (f, total, lanes) => {
      for (let lane = 0; lane < 4; lane++) add(f, total, i32x4.extract_lane(lanes, lane));
    },
    joinStored: (f, total, address) => {
      add(f, total, i32.load(address));
    },
    keep: (address, total) => i32.store(address, total as I32),
    write: (address, total) => i32.store(address, total as I32),
  };
}

/** How every reduction folds. */
const folds: Readonly<
  Record<keyof ReduceParams, { readonly float32: Fold; readonly int32: Fold }>
> = {
  sum: {
    float32: floatFold(0, f32x4.add, f64.add),
    int32: int32Fold(0, i32x4.add, i32.add),
  },
  max: {
    float32: floatFold(-Infinity, f32x4.max, f64.max),
    int32: int32Fold(-(2 ** 31), i32x4.max_s, (x, y) => select(i32.gt_s(x, y), x, y)),
  },
};

/** Lane 0 of `value`. The other lanes hold the fold of no elements. */
export function firstLane(value: V128, { identity }: Fold): V128 {
  return v128.bitselect(value, identity, i32x4.const(-1, 0, 0, 0));
}
