import { composites } from '@tessera/tensor/extend';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inputOf, type Input } from '../cpu/kernel-runs.ts';
import { contiguousInput, inputFor, inputWith, specialRows } from '../composites.ts';
import { checkAsDefined } from './composite-runs.ts';

const { softmax, softmaxGrad, logSoftmax, logSumExp } = composites;

/** The exponential and the sums are off by a few roundings each. */
const CLOSE = 1e-6;

/** Shapes with an axis: odd sizes, sizes of 1, none, rows of several vectors. */
const spaces = fc
  .array(fc.oneof(fc.integer({ min: 0, max: 6 }), fc.integer({ min: 7, max: 23 })), {
    minLength: 1,
    maxLength: 3,
  })
  .chain((shape) => fc.record({ shape: fc.constant(shape), axis: fc.nat(shape.length - 1) }));

describe('softmax, logSoftmax and logSumExp on wasm', () => {
  it('are what they are on cpu, along any axis of any view', () => {
    const cases = spaces.chain(({ shape, axis }) => fc.tuple(inputOf(shape), fc.constant(axis)));
    fc.assert(
      fc.property(cases, ([x, axis]) => {
        for (const composite of [softmax, logSoftmax, logSumExp]) {
          checkAsDefined(composite, { axis }, [x], CLOSE);
        }
      }),
      { numRuns: 50 },
    );
  });

  it('share rows among threads', () => {
    for (const [shape, axis] of [
      [[1201, 49], 1],
      [[7, 51, 130], 1],
      [[5, 9001], 0],
    ] as const) {
      const x = contiguousInput(shape, 3);
      for (const composite of [softmax, logSoftmax, logSumExp]) {
        checkAsDefined(composite, { axis }, [x], CLOSE);
      }
    }
  });

  const rows = specialRows([-120, 0, -80, -87.5, -100]);

  it.each([
    ['rows', [11, 5], 1, rows.flat()],
    ['columns', [5, 11], 0, [0, 1, 2, 3, 4].flatMap((i) => rows.map((row) => row[i]))],
    ['pairs', [5, 11, 1, 1], 1, Array.from({ length: 55 }, (_, i) => rows.flat()[i])],
  ])('know NaN, infinities and large numbers, in %s', (_name, shape, axis, elements) => {
    const x = inputWith(shape, elements);
    for (const composite of [softmax, logSoftmax, logSumExp]) {
      checkAsDefined(composite, { axis }, [x], CLOSE);
    }
  });
});

describe('softmaxGrad on wasm', () => {
  it('is what it is on cpu, along any axis of any views', () => {
    const cases = spaces.chain(({ shape, axis }) =>
      fc.tuple(inputOf(shape), inputOf(shape), fc.constant(axis)),
    );
    fc.assert(
      fc.property(cases, ([y, cotangent, axis]) => {
        checkAsDefined(softmaxGrad, { axis }, [y, cotangent], CLOSE);
      }),
      { numRuns: 60 },
    );
  });

  it('takes a cotangent that is one number', () => {
    const y = contiguousInput([1201, 49], 1);
    const everywhere: Input = inputFor({ shape: [1201, 49], strides: [0, 0], offset: 0 }, 2);
    checkAsDefined(softmaxGrad, { axis: 1 }, [y, everywhere], CLOSE);
    expect(everywhere.elements).toHaveLength(1);
  });
});

describe('rows whose groups of four overlap', () => {
  it('have the same bits from two threads, every time', () => {
    for (let seed = 0; seed < 25; seed++) {
      checkAsDefined(softmax, { axis: 1 }, [contiguousInput([64, 200, 7], seed)], CLOSE);
    }
  });
});
