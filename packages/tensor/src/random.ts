// Random numbers from splittable keys: uniform, normal, whole numbers and booleans, the same everywhere.

import { checkTensors, kindOf } from './arguments.ts';
import { formatSpec, DTypeError, ShapeError, ValueError } from './errors.ts';
import { apply } from './interpreter.ts';
import { source } from './primitives/source.ts';
import { checkShape, sameShape, type Shape } from './array/shape.ts';
import { tensor } from './create.ts';
import type { Tensor } from './tensor.ts';

/**
 * Makes a random key: an int32 tensor of shape [2]. A key is a value, not a generator, and the same key gives
 * the same numbers on every backend. So never draw from one key twice: {@link splitKey} it.
 *
 * Source: Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3" (Threefry-2x32, 20 rounds).
 *
 * @param seed A whole number from 0 to 2⁵³ − 1.
 * @example
 * const [first, second] = splitKey(key(42));
 * const noise = normal(first, [2, 3]); // float32[2, 3]
 */
export function key(seed: number): Tensor {
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw new ValueError(
      'key',
      `a seed is a whole number from 0 to 2^53 - 1, but got ${kindOf(seed)}.`,
    );
  }
  return tensor(Int32Array.of(Math.floor(seed / 2 ** 32), seed | 0));
}

/**
 * Makes `count` independent keys from one key, which must not be used again.
 *
 * @example
 * const [forWeights, forData] = splitKey(key(0));
 * const layers = splitKey(forWeights, 12);
 * layers.length; // 12
 */
export function splitKey(parent: Tensor, count = 2): Tensor[] {
  return keysOf('splitKey', parent, count);
}

/**
 * The older, shorter name of {@link splitKey}. Tensors are cut by their methods `split` and `chunk`.
 *
 * @example
 * const [forWeights, forData] = split(key(0));
 * split(forWeights, 12).length; // 12
 */
export function split(parent: Tensor, count = 2): Tensor[] {
  return keysOf('split', parent, count);
}

function keysOf(op: string, parent: Tensor, count: number): Tensor[] {
  checkKey(op, parent);
  if (!Number.isSafeInteger(count) || count < 0) {
    throw new ValueError(
      op,
      `count must be a whole number of at least 0, but is ${kindOf(count)}.`,
    );
  }
  const keys = randomBits(op, parent, [count, 2], 32);
  return Array.from({ length: count }, (_, i) => keys.select(0, i));
}

/**
 * The same key as `split(parent, n)[index]`, for any n above `index`.
 *
 * @example
 * const parent = key(0);
 * const [, second] = split(parent);
 * foldIn(parent, 1).equal(second); // [true, true]
 */
export function foldIn(parent: Tensor, index: number): Tensor {
  if (!Number.isInteger(index) || index < 0 || index >= 2 ** 31) {
    throw new ValueError(
      'foldIn',
      `index must be a whole number from 0 to 2^31 - 1, but got ${kindOf(index)}.`,
    );
  }
  return randomBits('foldIn', parent, [2], 32, 2 * index);
}

/**
 * Draws random 32-bit words as int32.
 *
 * @example
 * randomWords(key(0), [2, 2]); // int32[2, 2]
 */
export function randomWords(random: Tensor, shape: Shape): Tensor {
  return randomBits('randomWords', random, shape, 32);
}

/**
 * Draws uniform floats from `low` to `high`, multiples of `(high − low) / 2²⁴` above `low`. Default `[0, 1)`;
 * with other bounds the sum may round up to `high`.
 *
 * @example
 * const x = uniform(key(0), [1000], -1, 1);
 * x.greaterEqual(-1).and(x.less(1)).cast('int32').sum(); // 1000
 */
export function uniform(random: Tensor, shape: Shape, low = 0, high = 1): Tensor {
  if (!(Number.isFinite(low) && Number.isFinite(high) && low <= high && high - low < Infinity)) {
    throw new ValueError(
      'uniform',
      `needs finite bounds low ≤ high, but got ${kindOf(low)} and ${kindOf(high)}.`,
    );
  }
  return randomBits('uniform', random, shape, 24)
    .cast('float32')
    .mul((high - low) / 2 ** 24)
    .add(low);
}

/**
 * Draws standard normal floats, `√(−2 ln u₁) · cos(2π u₂)`.
 *
 * Source: Box & Muller 1958, "A note on the generation of random normal deviates".
 *
 * @example
 * normal(key(0), [2, 3]); // float32[2, 3]
 */
export function normal(random: Tensor, shape: Shape): Tensor {
  checkShape('normal', shape);
  const words = randomBits('normal', random, [2, ...shape], 24).cast('float32');
  const radius = words
    .select(0, 0)
    .add(1)
    .div(2 ** 24)
    .log()
    .mul(-2)
    .sqrt();
  const angle = words.select(0, 1).mul((2 * Math.PI) / 2 ** 24);
  return radius.mul(angle.cos());
}

/**
 * Draws uniform whole numbers in `[low, high)` as int32; the range may span at most 2²⁴.
 *
 * @example
 * const dice = randomInt(key(0), [600], 1, 7); // int32[600]
 * dice.max(); // 6
 */
export function randomInt(random: Tensor, shape: Shape, low: number, high: number): Tensor {
  const whole = Number.isInteger(low) && Number.isInteger(high);
  const span = whole && low >= -(2 ** 31) && high <= 2 ** 31 ? high - low : NaN;
  if (!(span >= 1 && span <= 2 ** 24)) {
    throw new ValueError(
      'randomInt',
      `needs whole numbers low < high ≤ low + 2^24 from -2^31 to 2^31, but got ${kindOf(low)} and ${kindOf(high)}.`,
    );
  }
  return unit('randomInt', random, shape)
    .mul(span)
    .floor()
    .cast('int32')
    .minimum(span - 1)
    .add(low);
}

/**
 * Draws booleans that are true with probability `p`.
 *
 * @example
 * bernoulli(key(0), 0.5, [4]); // bool[4]
 * bernoulli(key(0), 1, [2]); // [true, true]
 */
export function bernoulli(random: Tensor, p: number, shape: Shape): Tensor {
  if (!(p >= 0 && p <= 1))
    throw new ValueError('bernoulli', `p must lie in [0, 1], but got ${kindOf(p)}.`);
  return unit('bernoulli', random, shape).less(p);
}

/** Draws uniform floats in `[0, 1)`, multiples of 2⁻²⁴. */
function unit(op: string, random: Tensor, shape: Shape): Tensor {
  return randomBits(op, random, shape, 24)
    .cast('float32')
    .mul(2 ** -24);
}

/** Draws the top `width` bits of random words. Errors about the key name `op`. */
export function randomBits(
  op: string,
  random: Tensor,
  shape: Shape,
  width: number,
  start = 0,
): Tensor {
  checkKey(op, random);
  checkShape(op, shape);
  return apply(source.randomBits, [random], { shape, width, start })[0];
}

function checkKey(op: string, random: Tensor): void {
  checkTensors(op, { 'the key': random });
  if (random.dtype === 'int32' && sameShape(random.shape, [2])) return;
  const other =
    op === 'split' ? '; tensors are cut by x.split(sizes, axis) and x.chunk(count, axis)' : '';
  const text = `a key is an int32 tensor of shape [2], but got ${formatSpec(random)}. Make one with key(seed) or splitKey(key, n)${other}.`;
  throw random.dtype === 'int32'
    ? new ShapeError(op, text, [random.shape])
    : new DTypeError(op, text, [random.dtype]);
}
