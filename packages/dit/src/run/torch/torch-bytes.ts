// Writes tensors as torch.save does: a zip of a pickle of protocol 2, and of a file for each tensor.

import { zipSync } from 'fflate';
import { FormatError, type SafetensorsEntry } from '@tessera/tensor';

/** The storages of the types that tensors have here. */
const STORAGES = { float32: 'FloatStorage', int32: 'IntStorage', bool: 'BoolStorage' } as const;

/** Most bytes of the archive: one without the 64-bit form of zip. */
const LARGEST = 2 ** 32 - 1;

/**
 * Writes named tensors as the bytes of a file that `torch.load(file, weights_only=True)` reads.
 *
 * @param under the name that the dictionary of the tensors has in the file, as `ema` in those of the official code.
 *   Default: the file holds the dictionary itself
 * @throws FormatError for more than 4 GiB
 */
export function encodeTorch(
  tensors: ReadonlyMap<string, SafetensorsEntry>,
  under?: string,
): Uint8Array {
  const files: Record<string, Uint8Array> = {};
  const pickle = new Pickle();
  if (under !== undefined) pickle.beginDictionary().text(under);
  pickle.beginDictionary();
  [...tensors].forEach(([name, { dtype, shape, data }], i) => {
    pickle.text(name).tensor(STORAGES[dtype], String(i), shape, data.length);
    files[`archive/data/${i}`] = bytesOf(data);
  });
  pickle.endDictionary();
  if (under !== undefined) pickle.endDictionary();
  const all = {
    'archive/data.pkl': pickle.bytes(),
    'archive/byteorder': new TextEncoder().encode('little'),
    ...files,
    'archive/version': new TextEncoder().encode('3\n'),
  };
  const size = Object.values(all).reduce((sum, { length }) => sum + length + 256, 0);
  if (size > LARGEST) {
    throw new FormatError(
      'encodeTorch',
      `the tensors have ${size} bytes, but the archive takes at most ${LARGEST}. Write safetensors.`,
    );
  }
  return zipSync(all, { level: 0 });
}

/** The little-endian bytes of elements; those of bool, which are bytes, as they are. */
function bytesOf({ buffer, byteOffset, byteLength }: SafetensorsEntry['data']): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** A pickle that is being written. The letters of operations are those of Python's module pickletools. */
class Pickle {
  readonly #bytes: number[] = [0x80, 2];

  bytes(): Uint8Array {
    return Uint8Array.from([...this.#bytes, letter('.')]);
  }

  text(value: string): this {
    const bytes = new TextEncoder().encode(value);
    return this.#write('X', ...littleEndian(bytes.length), ...bytes);
  }

  /** An empty dictionary, and the mark of the keys and values that follow. */
  beginDictionary(): this {
    return this.#write('}').#write('(');
  }

  endDictionary(): this {
    return this.#write('u');
  }

  /** A call of `_rebuild_tensor_v2(storage, 0, shape, strides, False, OrderedDict())`. */
  tensor(storage: string, key: string, shape: readonly number[], count: number): this {
    this.#name('torch._utils', '_rebuild_tensor_v2').#write('(');
    this.#write('(').text('storage').#name('torch', storage).text(key).text('cpu');
    this.#whole(count).#write('t').#write('Q').#whole(0);
    this.#wholes(shape).#wholes(stridesOf(shape)).#write(String.fromCharCode(0x89));
    this.#name('collections', 'OrderedDict').#write(')').#write('R');
    return this.#write('t').#write('R');
  }

  #wholes(values: readonly number[]): this {
    this.#write('(');
    for (const value of values) this.#whole(value);
    return this.#write('t');
  }

  /** A whole number that has at most 48 bits. */
  #whole(value: number): this {
    if (value < 2 ** 31) return this.#write('J', ...littleEndian(value));
    const [low, high] = [value % 2 ** 32, Math.floor(value / 2 ** 32)];
    return this.#write(String.fromCharCode(0x8a), 8, ...littleEndian(low), ...littleEndian(high));
  }

  #name(module: string, name: string): this {
    return this.#write('c', ...new TextEncoder().encode(`${module}\n${name}\n`));
  }

  #write(operation: string, ...operands: readonly number[]): this {
    this.#bytes.push(letter(operation), ...operands);
    return this;
  }
}

function letter(operation: string): number {
  return operation.charCodeAt(0);
}

/** The four bytes of a whole number below 2³². */
function littleEndian(value: number): readonly number[] {
  return [0, 8, 16, 24].map((bits) => (value >>> bits) & 0xff);
}

/** Strides of elements that lie one behind the other. */
function stridesOf(shape: readonly number[]): readonly number[] {
  return shape.map((_, axis) => shape.slice(axis + 1).reduce((product, side) => product * side, 1));
}
