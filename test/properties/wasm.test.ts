import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  compile,
  defaultBackend,
  gelu,
  key,
  linear,
  matmul,
  normal,
  setDefaultBackend,
  wasmBackend,
  type Tensor,
} from '@tessera/tensor';
import { programInputs, runProgram, steps } from './programs.ts';

const before = defaultBackend();
const backend = wasmBackend({ threads: 2 });

beforeAll(() => {
  setDefaultBackend(backend);
});

afterAll(() => {
  backend.stopThreads();
  setDefaultBackend(before);
});

function numbers(xs: readonly Tensor[]): number[][] {
  return xs.map((x) => Array.from(x.dataSync()));
}

describe('compile on wasm', () => {
  it('computes bit for bit what eager evaluation computes', () => {
    fc.assert(
      fc.property(steps, fc.nat(50), (program, seed) => {
        const inputs = programInputs(seed);
        const eager = runProgram(inputs, program);
        const compiled = compile((...args: Tensor[]) => runProgram(args, program))(...inputs);
        expect(compiled.map((x) => x.shape)).toEqual(eager.map((x) => x.shape));
        expect(numbers(compiled)).toEqual(numbers(eager));
      }),
      { numRuns: 150 },
    );
  });

  it('gives the same results when its inputs are donated', () => {
    fc.assert(
      fc.property(steps, fc.nat(50), fc.subarray([0, 1, 2]), (program, seed, donate) => {
        const eager = numbers(runProgram(programInputs(seed), program));
        const compiled = compile((...args: Tensor[]) => runProgram(args, program), { donate });
        expect(numbers(compiled(...programInputs(seed)))).toEqual(eager);
      }),
      { numRuns: 100 },
    );
  });

  it('computes layers with epilogues as their operations one by one', () => {
    const size = fc.oneof(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 60, max: 70 }));
    const work = fc.array(
      fc.constantFrom<(y: Tensor, r: Tensor) => Tensor>(
        (y) => y.relu(),
        (y) => gelu(y),
        (y, r) => y.add(r),
        (y, r) => y.mul(r.sigmoid()),
        (y) => y.mul(2),
        (y, r) => y.sub(r.slice([[0, 1]])),
        (y, r) => y.greater(r).where(y, r),
        (y) => y.reshape([y.size]),
        (y, r) => y.reshape(r.shape),
      ),
      { maxLength: 4 },
    );
    fc.assert(
      fc.property(fc.tuple(size, size, size), work, fc.boolean(), ([m, k, n], list, isBatched) => {
        fc.pre(m > 0);
        const shape = isBatched ? [2, m] : [m];
        const x = normal(key(1), [...shape, k]);
        const [w, b] = [normal(key(2), [n, k]), normal(key(3), [n])];
        const r = normal(key(4), [...shape, n]);
        const f = (...[a, weight, bias, residual]: Tensor[]): Tensor[] => {
          const values = [linear(a, weight, bias)];
          for (const step of list) {
            const last = values[values.length - 1];
            const isFlat = last.rank === 1 && residual.rank !== 1;
            values.push(step(isFlat ? last.reshape(residual.shape) : last, residual));
          }
          const last = values[values.length - 1];
          return [last, matmul(a.transpose(), last.reshape(residual.shape))];
        };
        expect(numbers(compile(f)(x, w, b, r))).toEqual(numbers(f(x, w, b, r)));
      }),
      { numRuns: 40 },
    );
  });
});
