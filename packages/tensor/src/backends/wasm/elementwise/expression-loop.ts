// Evaluates an expression along a row, by vectors or pairs of them, and hands on or writes the results.

import type { Expression } from '../../../plan/kernel.ts';
import { BYTES_PER_ELEMENT, type DType } from '../../../array/dtype.ts';
import { plus } from '../kernel/addressing.ts';
import type { I32, V128 } from '../assembler/code.ts';
import type { FunctionBuilder, Local } from '../assembler/function.ts';
import { i32 } from '../assembler/instructions.ts';
import { i16x8, i32x4, i8x16, v128 } from '../assembler/simd.ts';
import { evaluate, packs } from './expression.ts';
import { Remaining } from '../kernel/steps.ts';
import type { Routines } from '../kernel/kernel-code.ts';

/** Elements of an operand along one row. */
export interface RowOperand {
  readonly dtype: DType;
  /** The distance of consecutive elements: 1 if they are neighbours, 0 if the row repeats one element. */
  readonly stride: number;
  /** The address of the first element. */
  readonly address: I32;
}

/** An expression, its operands along a row, and what the code is written with. */
export interface RowWork {
  readonly expression: Expression;
  readonly inputs: readonly RowOperand[];
  readonly f: FunctionBuilder;
  readonly routines: Routines;
}

/** The results of an expression on the vectors of one turn. */
interface Turn {
  /** For each vector, one or two neighbours, the results in order. */
  readonly results: readonly (readonly V128[])[];
  /** How many lanes of each vector count. */
  readonly lanes: 1 | 4;
  /** Where the outputs are written: the address of the first vector. */
  readonly pointers: readonly I32[];
}

/**
 * Code that evaluates an expression along a row of `length` elements: pairs of vectors where V8 packs them,
 * then four elements at a time, and the rest one at a time. V8 packs from stores on, and none with a load
 * between them: both vectors of a pair are loaded and computed before anything is stored.
 */
export function forEachVector(
  { expression, inputs, f, routines }: RowWork,
  outputs: readonly RowOperand[],
  length: I32 | number,
  consume: (turn: Turn) => void,
): void {
  const uniform = inputs.map((input) =>
    input.stride === 0 ? f.keep(loadSplat(input.dtype, input.address)) : null,
  );
  const readers = inputs.map((input) => (input.stride === 0 ? null : f.keep(input.address)));
  const writers = outputs.map(({ address }) => f.keep(address));
  const turn = (vectors: 1 | 2, lanes: 1 | 4): void => {
    const loads = [0, 16].slice(0, vectors).map((offset) =>
      inputs.map(({ dtype, stride }, i): V128 => {
        const at = readers[i];
        return uniform[i] ?? f.keep(loadLanes(f, dtype, at ?? i32.const(0), stride, lanes, offset));
      }),
    );
    const results = loads.map((each) => evaluate(expression, each, f, routines));
    consume({ results, lanes, pointers: writers });
    const advance = (pointer: Local<'i32'> | null, { dtype, stride }: RowOperand): void => {
      if (pointer !== null && stride !== 0) {
        f.increase(pointer, vectors * lanes * stride * BYTES_PER_ELEMENT[dtype]);
      }
    };
    readers.forEach((pointer, i) => {
      advance(pointer, inputs[i]);
    });
    writers.forEach((pointer, i) => {
      advance(pointer, outputs[i]);
    });
  };
  const remaining = new Remaining(f, length);
  const isPaired =
    routines.target.wide &&
    outputs.length > 0 &&
    packs(expression) &&
    [...inputs, ...outputs].every(isPlain);
  if (isPaired) {
    remaining.inSteps(8, () => {
      turn(2, 4);
    });
  }
  remaining.inSteps(4, () => {
    turn(1, 4);
  });
  remaining.inSteps(1, () => {
    turn(1, 1);
  });
}

/** Whether the elements of an operand are numbers side by side, or one number everywhere. */
function isPlain({ dtype, stride }: RowOperand): boolean {
  return stride === 0 || (stride === 1 && dtype !== 'bool');
}

/** Code that evaluates an expression along a row and writes every result. */
export function mapRow(work: RowWork, outputs: readonly RowOperand[], length: I32 | number): void {
  forEachVector(work, outputs, length, ({ results, lanes, pointers }) => {
    outputs.forEach(({ dtype, stride }, i) => {
      results.forEach((result, vector) => {
        storeLanes(work.f, dtype, pointers[i], stride, result[i], lanes, 16 * vector);
      });
    });
  });
}

/** One element in every lane. */
function loadSplat(dtype: DType, address: I32): V128 {
  if (dtype !== 'bool') return v128.load32_splat(address);
  return i32x4.ne(i32x4.splat(i32.load8_u(address)), i32x4.const(0, 0, 0, 0));
}

/** `lanes` elements that lie `stride` apart, from `address + offset` on. An offset needs a plain operand. */
function loadLanes(
  f: FunctionBuilder,
  dtype: DType,
  address: I32,
  stride: number,
  lanes: 1 | 4,
  offset: number,
): V128 {
  const zero = i32x4.const(0, 0, 0, 0);
  if (dtype === 'bool') {
    if (lanes === 1) return i32x4.ne(i32x4.splat(i32.load8_u(address)), zero);
    const bytes =
      stride === 1
        ? v128.load32_zero(address)
        : [1, 2, 3].reduce<V128>(
            (vector, lane) => v128.load8_lane(plus(address, lane * stride), vector, lane),
            v128.load8_lane(address, zero, 0),
          );
    return i32x4.ne(i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(bytes)), zero);
  }
  if (lanes === 1) return v128.load32_zero(address);
  if (stride === 1) return v128.load(address, offset);
  const vector = f.keep(v128.load32_zero(address));
  for (let lane = 1; lane < 4; lane++) {
    f.set(vector, v128.load32_lane(plus(address, 4 * lane * stride), vector, lane));
  }
  return vector;
}

/**
 * Writes `lanes` elements that are to lie `stride` apart, from `address + offset` on. An offset needs a plain
 * operand.
 */
function storeLanes(
  f: FunctionBuilder,
  dtype: DType,
  address: I32,
  stride: number,
  value: V128,
  lanes: 1 | 4,
  offset: number,
): void {
  if (dtype === 'bool') {
    const ones = v128.and(value, i32x4.const(1, 1, 1, 1));
    const words = i16x8.narrow_i32x4_u(ones, ones);
    const bytes = f.keep(i8x16.narrow_i16x8_u(words, words));
    if (lanes === 4 && stride === 1) {
      f.emit(v128.store32_lane(address, bytes, 0));
      return;
    }
    for (let lane = 0; lane < lanes; lane++) {
      f.emit(v128.store8_lane(plus(address, lane * stride), bytes, lane));
    }
    return;
  }
  if (lanes === 4 && stride === 1) {
    f.emit(v128.store(address, value, offset));
    return;
  }
  for (let lane = 0; lane < lanes; lane++) {
    f.emit(v128.store32_lane(plus(address, 4 * lane * stride), value, lane));
  }
}
