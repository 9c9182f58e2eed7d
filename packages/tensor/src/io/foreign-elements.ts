import { FormatError } from '../errors.ts';

/**
 * int64 as int32.
 *
 * @param label What to call the file in errors.
 * @param name What to call the tensor in errors.
 * @throws FormatError if one does not fit.
 */
export function narrowInt64(wide: BigInt64Array, label: string, name: string): Int32Array {
  const narrowed = new Int32Array(wide.length);
  for (let i = 0; i < wide.length; i++) narrowed[i] = Number(wide[i]);
  const odd = wide.findIndex((value, i) => BigInt(narrowed[i]) !== value);
  if (odd < 0) return narrowed;
  throw new FormatError(label, `${name} holds ${wide[odd]} at ${odd}, which int32 cannot hold.`);
}

/**
 * The same bytes, which must be 0 or 1.
 *
 * @param label What to call the file in errors.
 * @param name What to call the tensor in errors.
 * @throws FormatError if one is something else.
 */
export function expectBools(bytes: Uint8Array, label: string, name: string): Uint8Array {
  const odd = bytes.findIndex((byte) => byte > 1);
  if (odd < 0) return bytes;
  throw new FormatError(label, `${name} holds byte ${bytes[odd]} at ${odd}; bools are 0 or 1.`);
}
