import type { CallKernel } from '../../compile/kernel.ts';
import type { SourceParams } from '../../primitives/source.ts';
import { ROTATIONS } from '../../primitives/threefry.ts';
import { sizeOf } from '../../shape.ts';
import { plus, times } from './addressing.ts';
import type { I32, V128 } from './assembler/code.ts';
import type { FunctionBuilder } from './assembler/function.ts';
import { i32, select } from './assembler/instructions.ts';
import { i32x4, v128 } from './assembler/simd.ts';
import type { KernelCode, PhaseBody } from './kernel-code.ts';

/** Elements of a unit, a multiple of four. */
const BLOCK = 2048;

/** `y[i] = i`. */
export function iota(_kernel: CallKernel, { size }: SourceParams['iota']): KernelCode {
  const emit = (body: PhaseBody): void => {
    const { f } = body;
    const step = i32x4.const(4, 4, 4, 4);
    const values = f.local('v128');
    const begin = (first: I32): void => {
      f.set(values, i32x4.add(i32x4.splat(first), i32x4.const(0, 1, 2, 3)));
    };
    forEachFour(body, begin, (store) => {
      store(values);
      f.set(values, i32x4.add(values, step));
    });
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
    const counters = f.local('v128');
    const begin = (first: I32): void => {
      const counter = i32.add(first, firstCounter);
      f.set(counters, i32x4.add(i32x4.splat(counter), i32x4.const(0, 1, 2, 3)));
    };
    forEachFour(body, begin, (store) => {
      const word = threefry(f, key, counters);
      store(i32x4.shr_u(word, shift));
      f.set(counters, i32x4.add(counters, i32x4.const(4, 4, 4, 4)));
    });
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
 * Code that writes the elements of some units four at a time. The number of elements is constant 0.
 *
 * @param start Called with the index of the first element.
 * @param visit Called once, to give code that stores the next four elements; fewer at the end.
 */
function forEachFour(
  { f, outputs, constants, begin, end }: PhaseBody,
  start: (first: I32) => void,
  visit: (store: (four: V128) => void) => void,
): void {
  const [size] = constants;
  const first = f.keep(times(begin, BLOCK));
  const limit = f.keep(times(end, BLOCK));
  const count = f.keep(i32.sub(select(i32.lt_u(limit, size), limit, size), first));
  const to = f.keep(i32.add(outputs[0], times(first, 4)));
  start(first);
  f.while(
    () => i32.gt_s(count, i32.const(0)),
    () => {
      visit((four) => {
        const value = f.keep(four);
        f.if(
          i32.ge_s(count, i32.const(4)),
          () => {
            f.emit(v128.store(to, value));
          },
          () => {
            storeSome(f, to, value, count);
          },
        );
      });
      f.increase(to, 16);
      f.increase(count, -4);
    },
  );
}

/** Stores the first `count` (1 to 3) elements of a vector. */
function storeSome(f: FunctionBuilder, to: I32, value: V128, count: I32): void {
  for (let lane = 0; lane < 3; lane++) {
    f.if(i32.gt_s(count, i32.const(lane)), () => {
      f.emit(v128.store32_lane(to, value, lane, 4 * lane));
    });
  }
}
