// Threefry: two random words from a key and a counter, the source of all random numbers.

/** Rotations of the eight distinct rounds. */
export const ROTATIONS: readonly number[] = [13, 15, 26, 6, 17, 29, 16, 24];

/**
 * Computes two random 32-bit words from a 64-bit key and a 64-bit counter: threefry-2x32 with 20 rounds.
 *
 * Different counters under one key give independent words, in any order and on any device.
 *
 * Source: Salmon, Moraes, Dror & Shaw, Parallel random numbers: as easy as 1, 2, 3, 2011.
 *
 * @returns Words in `0 … 2³² − 1`.
 * @example
 * threefry2x32(0, 0, 0, 0); // [1797259609, 2579123966]
 */
export function threefry2x32(
  key0: number,
  key1: number,
  counter0: number,
  counter1: number,
): [number, number] {
  const key = [key0, key1, key0 ^ key1 ^ 0x1bd11bda];
  let x0 = (counter0 + key0) | 0;
  let x1 = (counter1 + key1) | 0;
  for (let group = 1; group <= 5; group++) {
    const first = group % 2 === 1 ? 0 : 4;
    for (let round = first; round < first + 4; round++) {
      x0 = (x0 + x1) | 0;
      x1 = ((x1 << ROTATIONS[round]) | (x1 >>> (32 - ROTATIONS[round]))) ^ x0;
    }
    x0 = (x0 + key[group % 3]) | 0;
    x1 = (x1 + key[(group + 1) % 3] + group) | 0;
  }
  return [x0 >>> 0, x1 >>> 0];
}
