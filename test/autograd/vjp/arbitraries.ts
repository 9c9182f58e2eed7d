/** Random tensors, views and shapes for gradient checks. */
import { tensor, zeros, type Tensor } from '@tessera/tensor';
import fc from 'fast-check';

/** A chain of movements, to be made part of the function that is checked. */
export type View = (x: Tensor) => Tensor;

/** Sizes of 1 to 3. */
export function shapes(minRank: number, maxRank: number): fc.Arbitrary<number[]> {
  return fc.array(fc.integer({ min: 1, max: 3 }), { minLength: minRank, maxLength: maxRank });
}

/** Floats in `[low, high]` at which nothing is special: never 0, never within 0.004 of it. */
export function floats(shape: readonly number[], low = -2, high = 2): fc.Arbitrary<Tensor> {
  const size = zeros(shape).size;
  return fc
    .array(fc.nat(127), { minLength: size, maxLength: size })
    .map((steps) => Float32Array.from(steps, (k) => low + ((k + 0.37) / 128) * (high - low)))
    .map((values) => tensor(values, { shape: [...shape] }));
}

/** Floats of which no two are closer than 0.1, so that a small step changes no order. */
export function spacedFloats(shape: readonly number[]): fc.Arbitrary<Tensor> {
  const size = zeros(shape).size;
  const grid = Array.from({ length: 2 * size + 8 }, (_, i) => 0.1 * (i - size - 3.5));
  return fc
    .shuffledSubarray(grid, { minLength: size, maxLength: size })
    .map((values) => tensor(Float32Array.from(values), { shape: [...shape] }));
}

/** Movements that give strided, reversed, cropped and repeated views; each does nothing where it does not apply. */
const movements: readonly View[] = [
  (x) => (x.rank < 2 ? x : x.transpose(0, -1)),
  (x) => x.flip(),
  (x) => (x.rank === 0 ? x : x.slice([[null, null, 2]])),
  (x) => (x.rank === 0 ? x : x.slice([[null, null, -2]])),
  (x) => (x.rank === 0 || x.shape[0] < 2 ? x : x.slice([[1]])),
  (x) => x.unsqueeze(0).expand([2, ...x.shape]),
  (x) => x.flatten(),
];

/** A chain of up to three movements. */
export const views: fc.Arbitrary<View> = fc
  .array(fc.constantFrom(...movements), { maxLength: 3 })
  .map((chain) => (x: Tensor) => chain.reduce((y, move) => move(y), x));

/** A shape that broadcasts to `shape`: some sizes are 1, some leading ones missing. */
export function broadcastable(shape: readonly number[]): fc.Arbitrary<number[]> {
  return fc
    .tuple(
      fc.integer({ min: 0, max: shape.length }),
      fc.array(fc.boolean(), { minLength: shape.length, maxLength: shape.length }),
    )
    .map(([dropped, ones]) => shape.map((n, i) => (ones[i] ? 1 : n)).slice(dropped));
}
