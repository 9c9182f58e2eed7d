// Kernels for counting numbers and Threefry random bits, in 16-bit halves that a float holds exactly.

import type { CallKernel } from '../../../plan/kernel.ts';
import type { SourceParams } from '../../../primitives/source.ts';
import { ROTATIONS } from '../../../primitives/threefry.ts';
import { sizeOf } from '../../../array/shape.ts';
import type { Lowering } from '../kernel/lowering.ts';
import { offsetText } from '../kernel/threads.ts';
import { KernelWriter, spreadOutput } from '../kernel/writer.ts';

/** The constant from which the third word of the key is made. */
const PARITY = 0x1bd11bda;

/** `y[i] = i`. */
export function lowerIota(
  lowering: Lowering,
  kernel: CallKernel,
  { size }: SourceParams['iota'],
): void {
  const [y] = kernel.outputs;
  const writer = new KernelWriter(lowering.sizes);
  const { output, indices, select } = spreadOutput([size], y.dtype);
  const [i] = indices;
  const high = writer.local(`quotient(${i}, 65536)`);
  const low = writer.local(`remainder(${i}, 65536)`);
  lowering.add(writer.finish('iota', output, select({ kind: 'int', high, low }), y.buffer));
}

/** An unsigned 32-bit word, as names or literals of its 16-bit halves. */
interface Word {
  readonly high: string;
  readonly low: string;
}

/**
 * `y[i]` = the top `width` bits of the xor of both words of `threefry2x32(key, (0, start + i))`, bit for bit.
 * 32-bit arithmetic is done in 16-bit halves; no step exceeds the 24 bits of a float.
 */
export function lowerRandomBits(
  lowering: Lowering,
  kernel: CallKernel,
  { shape, width, start }: SourceParams['randomBits'],
): void {
  const [key] = kernel.inputs;
  const [y] = kernel.outputs;
  const writer = new KernelWriter(lowering.sizes);
  const { output, indices, select } = spreadOutput([sizeOf(shape)], y.dtype);
  const word = threefry(
    writer,
    keyWord(writer, key, 0),
    keyWord(writer, key, 1),
    counter(writer, indices[0], start),
  );
  const bits = topBits(writer, word, width);
  lowering.add(writer.finish('randomBits', output, select({ kind: 'int', ...bits }), y.buffer));
}

function keyWord(writer: KernelWriter, key: CallKernel['inputs'][number], i: number): Word {
  const value = writer.load(key, offsetText(key.view.offset + i * key.view.strides[0], [], []));
  if (value.kind === 'float') throw new Error('gpu: a key is an int32.');
  return { high: unsigned(writer, value.high), low: value.low };
}

function unsigned(writer: KernelWriter, high: string): string {
  return writer.local(`${high} < 0 ? ${high} + 65536 : ${high}`);
}

/** `start + index`, as a word: no integer of a shader holds sums of up to 2³². */
function counter(writer: KernelWriter, index: string, start: number): Word {
  const own = {
    high: writer.local(`quotient(${index}, 65536)`),
    low: writer.local(`remainder(${index}, 65536)`),
  };
  if (start === 0) return own;
  return add(writer, own, { high: String(Math.floor(start / 65536)), low: String(start % 65536) });
}

function threefry(writer: KernelWriter, key0: Word, key1: Word, count: Word): Word {
  const parity = {
    high: String(Math.floor(PARITY / 65536)),
    low: String(PARITY % 65536),
  };
  const key = [key0, key1, xor(writer, xor(writer, key0, key1), parity)];
  let x0 = key0; // the counter's first word is 0
  let x1 = add(writer, count, key1);
  for (let group = 1; group <= 5; group++) {
    const first = group % 2 === 1 ? 0 : 4;
    for (let round = first; round < first + 4; round++) {
      x0 = add(writer, x0, x1);
      x1 = xor(writer, rotate(writer, x1, ROTATIONS[round]), x0);
    }
    x0 = add(writer, x0, key[group % 3]);
    x1 = add(writer, add(writer, x1, key[(group + 1) % 3]), { high: '0', low: String(group) });
  }
  return xor(writer, x0, x1);
}

function add(writer: KernelWriter, a: Word, b: Word): Word {
  const low = writer.local(`${a.low} + ${b.low}`);
  const carry = writer.local(`Math.floor(${low} / 65536)`);
  const high = writer.local(`${a.high} + ${b.high} + ${carry}`);
  return {
    high: writer.local(`${high} - 65536 * Math.floor(${high} / 65536)`),
    low: writer.local(`${low} - 65536 * ${carry}`),
  };
}

function xor(writer: KernelWriter, a: Word, b: Word): Word {
  return {
    high: writer.local(`${a.high} ^ ${b.high}`),
    low: writer.local(`${a.low} ^ ${b.low}`),
  };
}

/** Rotates the word left by `by` bits. Scaling floats by powers of 2 is exact. */
function rotate(writer: KernelWriter, word: Word, by: number): Word {
  if (by >= 16) return rotate(writer, { high: word.low, low: word.high }, by - 16);
  if (by === 0) return word;
  const carry = 2 ** (16 - by);
  const split = (half: string): { over: string; kept: string } => {
    const over = writer.local(`Math.floor(${half} / ${carry})`);
    return { over, kept: writer.local(`(${half} - ${over} * ${carry}) * ${2 ** by}`) };
  };
  const high = split(word.high);
  const low = split(word.low);
  return {
    high: writer.local(`${high.kept} + ${low.over}`),
    low: writer.local(`${low.kept} + ${high.over}`),
  };
}

/** The top bits, as the halves of an int32. */
function topBits(writer: KernelWriter, word: Word, width: number): Word {
  if (width === 32) {
    return {
      high: writer.local(`${word.high} > 32767 ? ${word.high} - 65536 : ${word.high}`),
      low: word.low,
    };
  }
  if (width <= 16) {
    return { high: '0', low: writer.local(`Math.floor(${word.high} / ${2 ** (16 - width)})`) };
  }
  const shift = 32 - width;
  const high = writer.local(`Math.floor(${word.high} / ${2 ** shift})`);
  const rest = writer.local(`${word.high} - ${high} * ${2 ** shift}`);
  return {
    high,
    low: writer.local(`${rest} * ${2 ** (16 - shift)} + Math.floor(${word.low} / ${2 ** shift})`),
  };
}
