// Argsort: a merge sort of pairs of key and index, row by row.

import type { CallKernel } from '../../../plan/kernel.ts';
import { BYTES_PER_ELEMENT, type DType } from '../../../array/dtype.ts';
import type { SortParams } from '../../../primitives/sort.ts';
import { sizeOf } from '../../../array/shape.ts';
import { atMost, byteOffset, least, plus, times } from '../kernel/addressing.ts';
import type { I32 } from '../assembler/code.ts';
import type { FunctionBuilder, Local } from '../assembler/function.ts';
import { f32, i32, select } from '../assembler/instructions.ts';
import type { KernelCode, PhaseBody } from '../kernel/kernel-code.ts';

/** Bytes of a key and the index of its element, side by side. */
const PAIR = 8;
/** The largest number of units. Each unit has memory of its own for its pairs. */
const MOST_UNITS = 64;
/** The most bytes that the pairs of all units take. A single row that needs more still gets them. */
const MOST_BYTES = 2 ** 26;

/**
 * The order of each row along the last axis, found by a merge sort of pairs of key and index. It starts with
 * runs of one element. A key is an int32: an element with a smaller key comes earlier.
 */
export function argsort(kernel: CallKernel, { descending }: SortParams['argsort']): KernelCode {
  const [{ view, dtype }] = kernel.inputs;
  const shape = view.shape.slice(0, -1);
  const rows = sizeOf(shape);
  const n = view.shape[shape.length];
  if (rows * n === 0) return { phases: [] };
  const bytes = 2 * PAIR * n;
  const fitting = Math.max(1, Math.floor(MOST_BYTES / bytes));
  const rowsPerUnit = Math.ceil(rows / Math.min(rows, MOST_UNITS, fitting));
  const units = Math.ceil(rows / rowsPerUnit);
  const step = BYTES_PER_ELEMENT[dtype] * view.strides[shape.length];
  const emit = ({ f, inputs, outputs, workspace, begin, end }: PhaseBody): void => {
    f.for({ from: begin, to: end }, (unit) => {
      const pairs = f.keep(i32.add(workspace, times(unit, bytes)));
      const first = f.keep(times(unit, rowsPerUnit));
      const last = f.keep(atMost(plus(first, rowsPerUnit), rows));
      f.for({ from: first, to: last }, (row) => {
        const offset = byteOffset(
          f,
          row,
          { shape, strides: view.strides },
          BYTES_PER_ELEMENT[dtype],
        );
        const from = f.keep(i32.add(inputs[0], offset));
        const pair = f.keep(pairs);
        f.for({ from: 0, to: n }, (index) => {
          const key = keyOf(f, from, dtype);
          f.emit(i32.store(pair, descending ? i32.xor(key, i32.const(-1)) : key));
          f.emit(i32.store(pair, index, 4));
          f.increase(from, step);
          f.increase(pair, PAIR);
        });
        const sorted = mergeSort(f, pairs, n);
        const to = f.keep(i32.add(outputs[0], times(row, 4 * n)));
        f.for({ from: 0, to: n }, () => {
          f.emit(i32.store(to, i32.load(sorted, 4)));
          f.increase(sorted, PAIR);
          f.increase(to, 4);
        });
      });
    });
  };
  const unitCost = 4 * rowsPerUnit * n * Math.ceil(Math.log2(n) + 1);
  // One pair more, since a merge that has used up its second run still reads the key behind it.
  return { phases: [{ units, unitCost, emit }], workspaceBytes: units * bytes + PAIR };
}

/**
 * The key of the element at an address. The key of a float32 is its bits; if it is negative, all bits but the
 * sign are flipped. NaN has the largest key.
 */
function keyOf(f: FunctionBuilder, address: I32, dtype: DType): I32 {
  if (dtype === 'bool') return i32.load8_u(address);
  if (dtype === 'int32') return i32.load(address);
  const element = f.keep(f32.add(f32.load(address), f32.const(0))); // −0 becomes 0
  const bits = f.keep(i32.reinterpret_f32(element));
  const key = i32.xor(bits, i32.shr_u(i32.shr_s(bits, i32.const(31)), i32.const(1)));
  return select(f32.ne(element, element), i32.const(0x7fffffff), key);
}

/**
 * Sorts `n` pairs by key. The memory from `pairs` on has room for twice as many.
 *
 * @returns Where the sorted pairs begin.
 */
function mergeSort(f: FunctionBuilder, pairs: I32, n: number): Local<'i32'> {
  const source = f.keep(pairs);
  const target = f.keep(plus(pairs, PAIR * n));
  const width = f.keep(i32.const(PAIR)); // bytes of a sorted run
  f.while(
    () => i32.lt_u(width, i32.const(PAIR * n)),
    () => {
      const limit = f.keep(plus(source, PAIR * n));
      const left = f.keep(source);
      const to = f.keep(target);
      f.while(
        () => i32.lt_u(left, limit),
        () => {
          const middle = f.keep(least(f.keep(i32.add(left, width)), limit));
          const end = f.keep(least(f.keep(i32.add(middle, width)), limit));
          merge(f, { left, middle, end, to });
          f.set(left, end);
        },
      );
      const sorted = f.keep(target);
      f.set(target, source);
      f.set(source, sorted);
      f.set(width, times(width, 2));
    },
  );
  return source;
}

/**
 * Merges the sorted runs `left … middle` and `middle … end` into one at `to`. Of two equal keys, the one of
 * the left run goes first.
 */
function merge(
  f: FunctionBuilder,
  run: { readonly left: I32; readonly middle: I32; readonly end: I32; readonly to: Local<'i32'> },
): void {
  const { middle, end, to } = run;
  const left = f.keep(run.left);
  const right = f.keep(middle);
  const last = f.keep(i32.add(to, i32.sub(end, left)));
  f.while(
    () => i32.lt_u(to, last),
    () => {
      const isFirst = i32.and(i32.lt_u(left, middle), i32.le_s(i32.load(left), i32.load(right)));
      const takesLeft = f.keep(i32.or(i32.ge_u(right, end), isFirst));
      const from = f.keep(select(takesLeft, left, right));
      f.emit(i32.store(to, i32.load(from)));
      f.emit(i32.store(to, i32.load(from, 4), 4));
      f.increase(left, times(takesLeft, PAIR));
      f.increase(right, times(i32.eqz(takesLeft), PAIR));
      f.increase(to, PAIR);
    },
  );
}
