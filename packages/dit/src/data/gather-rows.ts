// Copies some rows of an array, one behind the other.

/**
 * Fills an array with some rows of another one.
 *
 * @param from rows of `length` numbers each
 * @param into the array to fill: `indices.length` rows
 * @returns `into`
 */
export function gatherRows<T extends Float32Array | Uint8Array>(
  from: Float32Array | Float64Array | Uint8Array,
  length: number,
  indices: ArrayLike<number>,
  into: T,
): T {
  for (let i = 0; i < indices.length; i++) {
    into.set(from.subarray(indices[i] * length, (indices[i] + 1) * length), i * length);
  }
  return into;
}
