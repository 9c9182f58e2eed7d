/** What IEEE 754 and the definitions say at special places, on every backend, eagerly and compiled. */
import {
  argmax,
  argmin,
  clamp,
  compile,
  cpuBackend,
  cumsum,
  logSoftmax,
  logSumExp,
  prod,
  scalar,
  scatterAdd,
  setDefaultBackend,
  silu,
  gelu,
  geluErf,
  softmax,
  softplus,
  tensor,
  wasmBackend,
  type Backend,
  type Tensor,
} from '@tessera/tensor';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { modesUnderTest } from '../gpu/modes.ts';

type OpenBackend = Backend & { dispose?(): Promise<void> | void };

const backends: readonly {
  readonly name: string;
  readonly skipped?: string | null;
  readonly make: () => OpenBackend | Promise<OpenBackend>;
}[] = [
  { name: 'cpu', make: cpuBackend },
  { name: 'wasm', make: () => wasmBackend({ threads: 1 }) },
  ...modesUnderTest(),
];

const magnitudes = [0, 0.5, 1, 1.5, 2, 3, 1e10, Infinity];
const numbers = [...magnitudes.flatMap((x) => [x, -x]), NaN];
const pairs = numbers.flatMap((a) => numbers.map((b) => [a, b] as const));

/** IEEE 754-2019, section 9.2.1, where ECMAScript has other rules. */
function ieeePower(a: number, b: number): number {
  if (a === 1 || b === 0) return 1;
  if (a === -1 && !Number.isNaN(b) && !Number.isFinite(b)) return 1;
  return a ** b;
}

const words = [0, 1, -1, 7, 65536, 65537, 123456789, 987654321, 2 ** 31 - 1, -(2 ** 31), -(2 ** 31) + 1]; // prettier-ignore
const wordPairs = words.flatMap((a) => words.map((b) => [a, b] as const));
const ints = (values: readonly number[]): Tensor => tensor(Int32Array.from(values));

/** The elements by f, eagerly and compiled. */
async function both(f: (...x: Tensor[]) => Tensor, ...inputs: Tensor[]): Promise<number[][]> {
  return [Array.from(await f(...inputs).data()), Array.from(await compile(f)(...inputs).data())];
}

for (const { name, skipped, make } of backends) {
  describe.skipIf(typeof skipped === 'string')(`on ${name}`, () => {
    let backend: OpenBackend;

    beforeAll(async () => {
      backend = await make();
      setDefaultBackend(backend);
    });
    afterAll(() => backend.dispose?.());

    it('pow has the special values of IEEE 754', async () => {
      const [a, b] = [0, 1].map((side) => tensor(pairs.map((pair) => pair[side])));
      for (const powers of await both((x, y) => x.pow(y), a, b)) {
        powers.forEach((power, i) => {
          const wanted = Math.fround(ieeePower(...pairs[i]));
          const isClose = Math.abs(power - wanted) <= 1e-5 * Math.abs(wanted); // of a GPU's pow
          expect(isClose || Object.is(power, wanted), `${pairs[i].join(' ^ ')} is ${power}`).toBe(
            true,
          );
        });
      }
      for (const exponent of [Infinity, -Infinity, NaN]) {
        const wanted = numbers.map((x) => ieeePower(x, exponent));
        for (const got of await both((x) => x.pow(exponent), tensor(numbers)))
          expect(got).toEqual(wanted);
        expect(scalar(-1).pow(exponent).itemSync()).toEqual(ieeePower(-1, exponent));
      }
    });

    it('int32 arithmetic is modulo 2^32', async () => {
      const [a, b] = [0, 1].map((side) => ints(wordPairs.map((pair) => pair[side])));
      const definitions: [(x: Tensor, y: Tensor) => Tensor, (x: number, y: number) => number][] = [
        [(x, y) => x.mul(y), Math.imul],
        [(x, y) => x.add(y), (x, y) => (x + y) | 0],
        [(x, y) => x.sub(y), (x, y) => (x - y) | 0],
        [(x) => x.square(), (x) => Math.imul(x, x)],
        [(x) => x.neg(), (x) => -x | 0],
      ];
      for (const [f, define] of definitions) {
        const wanted = wordPairs.map((pair) => define(...pair));
        for (const got of await both(f, a, b)) expect(got).toEqual(wanted);
      }
      const list = ints(words.slice(1));
      const product = words.slice(1).reduce((x, y) => Math.imul(x, y));
      for (const got of await both((x) => prod(x), list)) expect(got).toEqual([product]);
      let sum = 0;
      const sums = words.map((x) => (sum = (sum + x) | 0));
      for (const got of await both((x) => cumsum(x, 0), ints(words))) expect(got).toEqual(sums);
      for (const got of await both((x) => x.sum(), ints(words))) expect(got).toEqual([sum]);
      const zeros = words.map(() => 0);
      for (const got of await both((x) => scatterAdd(ints(zeros), x, 0, [1]), ints(words))) {
        expect(got).toEqual([sum]);
      }
    });

    it('what saturates has its limits far out', async () => {
      const x = tensor([-Infinity, -1e20, 1e20, Infinity, NaN]);
      for (const f of [silu, gelu, geluErf, softplus]) {
        for (const got of await both(f, x)) {
          expect(got.slice(0, 2).map(Math.abs)).toEqual([0, 0]);
          expect(got.slice(2)).toEqual([Math.fround(1e20), Infinity, NaN]);
        }
      }
    });

    it('NaN stays in clamp, maximum, minimum, abs, relu, max, min, argmax and argmin', async () => {
      const x = tensor([1, NaN, -3]);
      const clamped = await both((y) => clamp(y, -1, 0.5), x);
      for (const got of clamped) expect(got).toEqual([0.5, NaN, -1]);
      const bounds = await both((y, z) => clamp(y, z, 2), x, tensor([NaN, 0, 0]));
      for (const got of bounds) expect(got).toEqual([NaN, NaN, 0]);
      for (const got of await both((y) => y.maximum(0), x)) expect(got).toEqual([1, NaN, 0]);
      const smaller = await both((y) => y.minimum(0), x);
      // A GPU's compiler may lose the sign of a zero.
      for (const got of smaller) expect(got.map((each) => each + 0)).toEqual([0, NaN, -3]);
      for (const got of await both((y) => y.abs(), x)) expect(got).toEqual([1, NaN, 3]);
      for (const got of await both((y) => y.relu(), x)) expect(got).toEqual([1, NaN, 0]);
      for (const got of await both((y) => y.max(), x)) expect(got).toEqual([NaN]);
      for (const got of await both((y) => y.min(), x)) expect(got).toEqual([NaN]);
      for (const got of await both((y) => argmax(y), x)) expect(got).toEqual([1]);
      for (const got of await both((y) => argmin(y), x)) expect(got).toEqual([1]);
    });

    it('sums of exponentials know infinities', async () => {
      const rows = tensor([[-Infinity, 0, 0], [-Infinity, -Infinity, -Infinity], [Infinity, 0, 1]]); // prettier-ignore
      for (const got of await both((x) => logSumExp(x), rows)) {
        expect(got[0]).toBeCloseTo(Math.LN2, 5);
        expect(got.slice(1)).toEqual([-Infinity, Infinity]);
      }
      for (const got of await both((x) => softmax(x), rows)) {
        expect(got.slice(0, 6)).toEqual([0, 0.5, 0.5, NaN, NaN, NaN]);
      }
      for (const got of await both((x) => logSoftmax(x).slice([[0, 1]]), rows)) {
        expect(got[0]).toBe(-Infinity);
        expect(got[1]).toBeCloseTo(-Math.LN2, 5);
      }
    });

    it('variances divide by at least 0', async () => {
      const x = tensor([1, 3]);
      for (const correction of [2, 3]) {
        expect(await both((y) => y.variance(0, { correction }), x)).toEqual([
          [Infinity],
          [Infinity],
        ]);
      }
      expect(await both((y) => y.variance(), tensor([]))).toEqual([[NaN], [NaN]]);
    });
  });
}
