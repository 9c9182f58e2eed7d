/** Binary code of WebAssembly: nested lists of bytes, flattened once at the end. */
export type Code = readonly (number | Code | VectorConstant)[];

/** Sixteen constant bytes, which the function keeps in a variable from its start on. */
export interface VectorConstant {
  readonly bytes: readonly number[];
}

/** Whether a part of code is a constant vector. */
export function isConstant(part: number | Code | VectorConstant): part is VectorConstant {
  return typeof part === 'object' && 'bytes' in part;
}

/** The types of values: four numbers and the 128-bit vector. */
export type ValueType = 'i32' | 'i64' | 'f32' | 'f64' | 'v128';

/** How the binary format writes each type. */
export const TYPE_CODES: Readonly<Record<ValueType, number>> = {
  i32: 0x7f,
  i64: 0x7e,
  f32: 0x7d,
  f64: 0x7c,
  v128: 0x7b,
};

/** Code that leaves one value on the stack. Placed twice, it is computed twice. */
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
export type I64 = Value<'i64'>;
export type F32 = Value<'f32'>;
export type F64 = Value<'f64'>;
/** Sixteen bytes: four float32 (f32x4), four int32 (i32x4), two float64 (f64x2), … */
export type V128 = Value<'v128'>;

/** The bytes of nested code in order. */
export function flatten(code: Code): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(lengthOf(code));
  let at = 0;
  const write = (part: Code): void => {
    for (const item of part) {
      if (typeof item === 'number') bytes[at++] = item;
      else if (isConstant(item))
        throw new Error('assembler: a constant vector lies in no function.');
      else write(item);
    }
  };
  write(code);
  return bytes;
}

/** How many bytes nested code has. */
function lengthOf(code: Code): number {
  let length = 0;
  for (const item of code) {
    length += typeof item === 'number' || isConstant(item) ? 1 : lengthOf(item);
  }
  return length;
}

/** An unsigned integer in LEB128. */
export function unsigned(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  do {
    const low = rest % 128;
    rest = Math.floor(rest / 128);
    bytes.push(rest === 0 ? low : low | 0x80);
  } while (rest !== 0);
  return bytes;
}

/** A signed integer in LEB128. */
export function signed(value: bigint): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (;;) {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    const done = (rest === 0n && (low & 0x40) === 0) || (rest === -1n && (low & 0x40) !== 0);
    bytes.push(done ? low : low | 0x80);
    if (done) return bytes;
  }
}

/** A vector of the binary format: a count, then the items. */
export function vector(items: readonly Code[]): Code {
  return [unsigned(items.length), items];
}

/** A section, or a function body: its bytes behind their count. */
export function sized(code: Code): Code {
  return [unsigned(lengthOf(code)), code];
}

/** A name in UTF-8. */
export function name(text: string): Code {
  return sized([...new TextEncoder().encode(text)]);
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
