import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import {
  arange,
  bernoulli,
  compile,
  eye,
  key,
  linspace,
  matmul,
  normal,
  randomInt,
  randomWords,
  setDefaultBackend,
  split,
  uniform,
  wasmBackend,
  type Tensor,
} from '@tessera/tensor';
import { source } from '../../../../packages/tensor/src/primitives/source.ts';
import { runCall, type Input } from '../cpu/kernel-runs.ts';

const one = wasmBackend({ threads: 1 });
const two = wasmBackend({ threads: 2 });

afterAll(() => {
  two.stopThreads();
});

const sizes = fc.oneof(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 2040, max: 5000 }));
const words = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });

/** A key anywhere in memory. */
const keys: fc.Arbitrary<Input> = fc
  .record({ a: words, b: words, stride: fc.integer({ min: -2, max: 2 }) })
  .map(({ a, b, stride }) => {
    const elements = new Int32Array(5);
    elements[2] = a;
    if (stride !== 0) elements[2 + stride] = b;
    return { view: { shape: [2], strides: [stride], offset: 2 }, elements };
  });

describe('iota on wasm', () => {
  it('counts from 0', () => {
    fc.assert(
      fc.property(sizes, (size) => {
        const { elements } = runCall(source.iota, { size }, [], one);
        expect(elements).toStrictEqual(Int32Array.from({ length: size }, (_, i) => i));
      }),
      { numRuns: 30 },
    );
  });
});

describe('sources of no elements on wasm', () => {
  it.each([1, 2])('are empty, alone and among others: %i threads', (threads) => {
    const backend = wasmBackend({ threads });
    const before = setDefaultBackend(backend);
    try {
      const random = key(3);
      const draw = (from: Tensor): Tensor[] => [
        arange(0),
        linspace(0, 1, 0),
        eye(0),
        randomWords(from, [0]),
        uniform(from, [0, 3]),
        normal(from, [3, 0, 2]),
        randomInt(from, [0], 0, 5),
        bernoulli(from, 0.5, [2, 0]),
      ];
      // The product is work enough for all threads to take part.
      const f = compile((from: Tensor) => {
        const x = normal(from, [128, 128]);
        return [...draw(from), matmul(x, x).sum()];
      });
      const shapes = [[0], [0], [0, 0], [0], [0, 3], [3, 0, 2], [0], [2, 0]];
      expect(draw(random).map(({ shape }) => shape)).toEqual(shapes);
      expect(draw(random).map((x) => x.dataSync().length)).toEqual(shapes.map(() => 0));
      expect(split(random, 0)).toEqual([]);
      const compiled = f(random);
      expect(compiled.map((x) => x.dataSync().length)).toEqual([...shapes.map(() => 0), 1]);
    } finally {
      setDefaultBackend(before);
      backend.stopThreads();
    }
  });
});

describe('randomBits on wasm', () => {
  it('is that of the cpu backend for any key, width and start', () => {
    const starts = fc.oneof(
      fc.nat(),
      fc.integer({ min: 2 ** 31 - 9, max: 2 ** 31 + 9 }),
      fc.integer({ min: 2 ** 32 - 2000, max: 2 ** 40 }),
    );
    fc.assert(
      fc.property(
        sizes,
        keys,
        starts,
        fc.integer({ min: 1, max: 32 }),
        (size, keyWords, start, width) => {
          const params = { shape: [size], width, start };
          const run = (backend?: typeof one) =>
            runCall(source.randomBits, params, [keyWords], backend);
          expect(run(one)).toStrictEqual(run());
        },
      ),
      { numRuns: 100 },
    );
  });

  it('gives the same bits on several threads', () => {
    const keyWords = {
      view: { shape: [2], strides: [1], offset: 0 },
      elements: new Int32Array([7, -11]),
    };
    const params = { shape: [3, 100_003], width: 24, start: 5 };
    const run = (backend?: typeof one) => runCall(source.randomBits, params, [keyWords], backend);
    expect(run(two)).toStrictEqual(run());
  });
});
