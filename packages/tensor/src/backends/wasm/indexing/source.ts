// Makes tensors from nothing or from a key: counting numbers and random bits, four at a time.

import type { CallKernel } from '../../../plan/kernel.ts';
import type { SourceParams } from '../../../primitives/source.ts';
import { ROTATIONS } from '../../../primitives/threefry.ts';
import { sizeOf } from '../../../array/shape.ts';
import { least, plus, times } from '../kernel/addressing.ts';
import type { I32, V128 } from '../assembler/code.ts';
import type { FunctionBuilder, Local } from '../assembler/function.ts';
import { i32 } from '../assembler/instructions.ts';
import { i32x4, v128 } from '../assembler/simd.ts';
import { forEachFour } from '../kernel/steps.ts';
import type { KernelCode, PhaseBody } from '../kernel/kernel-code.ts';

/** Elements of a unit, a multiple of four. */
const BLOCK = 2048;

/** `y[i] = i`. */
export function iota(_kernel: CallKernel, { size }: SourceParams['iota']): KernelCode {
  const emit = (body: PhaseBody): void => {
    writeCounted(body, i32.const(0), (indices) => indices);
  };
  const units = Math.ceil(size / BLOCK);
  return { phases: [{ units, unitCost: BLOCK / 8, key: 'iota', constants: [size], emit }] };
}

/**
 * `y[i]` = the top `width` bits of the xor of both words of `threefry2x32(key, (0, start + i))`, four
 * counters at a time.
 */
export function randomBits(
  kernel: CallKernel,
  { shape, width, start }: SourceParams['randomBits'],
): KernelCode {
  const size = sizeOf(shape);
  const [stride] = kernel.inputs[0].view.strides;
  const emit = (body: PhaseBody): void => {
    const { f, inputs, constants } = body;
    const [, firstCounter, shift] = constants;
    const key0 = f.keep(i32.load(inputs[0]));
    const key1 = f.keep(i32.load(plus(inputs[0], 4 * stride)));
    const parity = i32.xor(i32.xor(key0, key1), i32.const(0x1bd11bda));
    const key = [key0, key1, parity].map((word) => f.keep(i32x4.splat(word)));
    writeCounted(body, firstCounter, (counters) => i32x4.shr_u(threefry(f, key, counters), shift));
  };
  return {
    phases: [
      {
        units: Math.ceil(size / BLOCK),
        unitCost: 3 * BLOCK,
        key: `randomBits ${stride}`,
        constants: [size, start, 32 - width],
        emit,
      },
    ],
  };
}

/**
 * The xor of both words of threefry-2x32 with 20 rounds.
 *
 * Source: Salmon, Moraes, Dror & Shaw, Parallel random numbers: as easy as 1, 2, 3, 2011.
 */
function threefry(f: FunctionBuilder, key: readonly V128[], counters: V128): V128 {
  const x0 = f.keep(key[0]);
  const x1 = f.keep(i32x4.add(counters, key[1]));
  for (let group = 1; group <= 5; group++) {
    const first = group % 2 === 1 ? 0 : 4;
    for (const bits of ROTATIONS.slice(first, first + 4)) {
      f.set(x0, i32x4.add(x0, x1));
      const high = i32x4.shl(x1, i32.const(bits));
      const low = i32x4.shr_u(x1, i32.const(32 - bits));
      f.set(x1, v128.xor(v128.or(high, low), x0));
    }
    f.set(x0, i32x4.add(x0, key[group % 3]));
    const injected = i32x4.add(key[(group + 1) % 3], i32x4.const(group, group, group, group));
    f.set(x1, i32x4.add(x1, injected));
  }
  return v128.xor(x0, x1);
}

/**
 * Code that writes the elements of some units. Each is computed from its counter, which is `start` plus its
 * index. Constant 0 is the number of elements.
 *
 * @param valuesOf The elements of four counters.
 */
function writeCounted(
  { f, outputs, constants, begin, end }: PhaseBody,
  start: I32,
  valuesOf: (counters: Local<'v128'>) => V128,
): void {
  const [size] = constants;
  const first = f.keep(times(begin, BLOCK));
  const limit = f.keep(times(end, BLOCK));
  const count = i32.sub(least(limit, size), first);
  const to = f.keep(i32.add(outputs[0], times(first, 4)));
  const counters = f.keep(i32x4.add(i32x4.splat(i32.add(start, first)), i32x4.const(0, 1, 2, 3)));
  const moveOn = (elements: 1 | 4): void => {
    f.set(counters, i32x4.add(counters, i32x4.const(elements, elements, elements, elements)));
    f.increase(to, 4 * elements);
  };
  forEachFour(
    f,
    count,
    () => {
      f.emit(v128.store(to, valuesOf(counters)));
      moveOn(4);
    },
    () => {
      f.emit(v128.store32_lane(to, valuesOf(counters), 0));
      moveOn(1);
    },
  );
}
