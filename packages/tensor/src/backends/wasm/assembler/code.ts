// WebAssembly code as nested lists of bytes, and how numbers and texts are encoded in it.

/** Binary code of WebAssembly: nested lists of bytes. A function flattens each statement as it comes. */
export type Code = readonly CodePart[];

/**
 * A part of code: a byte, more code, finished bytes, or a constant vector, which the function around it
 * places.
 */
export type CodePart = number | Code | VectorConstant | Uint8Array;

/** Sixteen constant bytes. The function sets a variable to them at its start. */
export interface VectorConstant {
  readonly bytes: readonly number[];
}

/** The types of values: four numbers and the 128-bit vector. */
export type ValueType = 'i32' | 'i64' | 'f32' | 'f64' | 'v128';

/** The byte that stands for each type in the binary format. */
export const TYPE_CODES: Readonly<Record<ValueType, number>> = {
  i32: 0x7f,
  i64: 0x7e,
  f32: 0x7d,
  f64: 0x7c,
  v128: 0x7b,
};

/** Code that leaves one value on the stack. Code that is placed twice is computed twice. */
export interface Value<T extends ValueType> {
  readonly type: T;
  readonly code: Code;
}

/** Code that leaves nothing on the stack. */
export interface Statement {
  readonly type: 'none';
  readonly code: Code;
}

/** An address, an index, a count or a truth value. */
export type I32 = Value<'i32'>;
/** The bits of a float64. */
export type I64 = Value<'i64'>;
/** A float32 number. */
export type F32 = Value<'f32'>;
/** A float64 number. */
export type F64 = Value<'f64'>;
/** Sixteen bytes: four float32 (f32x4), four int32 (i32x4), two float64 (f64x2), … */
export type V128 = Value<'v128'>;

/** Code as bytes, written one part after another. */
export class CodeBytes {
  #bytes = new Uint8Array(256);
  #length = 0;
  readonly #place: (constant: VectorConstant) => Code;

  /** @param place Gives the code for a constant vector. Default: throws, because only functions can hold one. */
  constructor(place: (constant: VectorConstant) => Code = noConstant) {
    this.#place = place;
  }

  /** Appends the bytes of nested code in order. */
  write(code: Code): void {
    // Until it is optimized, a loop with `of` would make an object for each byte.
    let next = 0;
    while (next < code.length) {
      const item = code[next++];
      if (typeof item === 'number') {
        if (this.#length === this.#bytes.length) this.#reserve(1);
        this.#bytes[this.#length++] = item;
      } else if (isList(item)) this.write(item);
      else if (item instanceof Uint8Array) {
        this.#reserve(item.length);
        this.#bytes.set(item, this.#length);
        this.#length += item.length;
      } else this.write(this.#place(item));
    }
  }

  /** The bytes so far. */
  finish(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#length);
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#length + count, 2 * this.#bytes.length));
    grown.set(this.#bytes);
    this.#bytes = grown;
  }
}

/** The bytes of nested code in order. */
export function flatten(code: Code): Uint8Array<ArrayBuffer> {
  const bytes = new CodeBytes();
  bytes.write(code);
  return bytes.finish();
}

function isList(part: CodePart): part is Code {
  return Array.isArray(part);
}

function noConstant(): never {
  throw new Error('assembler: a constant vector lies in no function.');
}

/** An unsigned integer in LEB128. */
export function unsigned(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
  bytes.push(rest);
  return bytes;
}

/** A signed integer in LEB128. The last byte holds what fits into seven bits with the sign. */
export function signed(value: bigint | number): number[] {
  const bytes: number[] = [];
  let rest = BigInt(value);
  for (; rest < -64 || rest > 63; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  bytes.push(Number(rest & 0x7fn));
  return bytes;
}

/** A vector of the binary format: a count, then the items. */
export function vector(items: Code): Code {
  return [unsigned(items.length), items];
}

/** A section or a function body: the count of its bytes, then the bytes. */
export function sized(code: Code): Code {
  const bytes = flatten(code);
  return [unsigned(bytes.length), bytes];
}

/** A text, such as the name of an export, in UTF-8. */
export function text(characters: string): Code {
  return sized([...new TextEncoder().encode(characters)]);
}

/** The bytes of numbers in little-endian order. */
export function float32Bytes(...values: readonly number[]): number[] {
  return littleEndian(values, 4, (view, at, value) => {
    view.setFloat32(at, value, true);
  });
}

/** The bytes of float64 numbers in little-endian order. */
export function float64Bytes(...values: readonly number[]): number[] {
  return littleEndian(values, 8, (view, at, value) => {
    view.setFloat64(at, value, true);
  });
}

/** The bytes of int32 numbers, signed or unsigned, in little-endian order. */
export function int32Bytes(...values: readonly number[]): number[] {
  return littleEndian(values, 4, (view, at, value) => {
    view.setInt32(at, value, true);
  });
}

function littleEndian(
  values: readonly number[],
  bytes: number,
  set: (view: DataView, at: number, value: number) => void,
): number[] {
  const view = new DataView(new ArrayBuffer(values.length * bytes));
  values.forEach((value, i) => {
    set(view, i * bytes, value);
  });
  return [...new Uint8Array(view.buffer)];
}
