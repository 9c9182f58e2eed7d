import { composites } from '@tessera/tensor/extend';
import fc from 'fast-check';
import { describe, it } from 'vitest';
import { inputOf } from '../cpu/kernel-runs.ts';
import { contiguousInput, inputFor, inputWith } from '../composites.ts';
import { checkAsDefined } from './composite-runs.ts';

const { layerNormStatistics, layerNormGrad } = composites;

/** Mean, variance and root are off by a few roundings each; the root makes rows of equal numbers no worse, with this eps. */
const CLOSE = 4e-6;
const eps = 0.1;

const shapes = fc.array(fc.oneof(fc.integer({ min: 0, max: 6 }), fc.integer({ min: 7, max: 23 })), {
  minLength: 1,
  maxLength: 3,
});

describe('layerNormStatistics on wasm', () => {
  it('is what it is on cpu, of any view', () => {
    fc.assert(
      fc.property(shapes.chain(inputOf), (x) => {
        checkAsDefined(layerNormStatistics, { eps }, [x], CLOSE);
      }),
      { numRuns: 60 },
    );
  });

  it('shares rows among threads', () => {
    checkAsDefined(layerNormStatistics, { eps: 1e-6 }, [contiguousInput([1201, 130], 5)], CLOSE);
  });

  it('finds no variance where all numbers of a row are equal, and keeps NaN to its row', () => {
    const equal = Array.from({ length: 11 }, () => 1000.1);
    const rows = [equal, [NaN, ...equal.slice(1)], [Infinity, ...equal.slice(1)]];
    checkAsDefined(layerNormStatistics, { eps: 1 }, [inputWith([3, 11], rows.flat())], CLOSE);
  });

  it('does not lose small differences of large numbers', () => {
    const row = Array.from({ length: 64 }, (_, i) => 4096 + (i % 8) / 8);
    checkAsDefined(layerNormStatistics, { eps: 1e-5 }, [inputWith([1, 64], row)], CLOSE);
  });
});

describe('layerNormGrad on wasm', () => {
  it('is what it is on cpu, of any views', () => {
    const cases = shapes.chain((shape) => fc.tuple(inputOf(shape), inputOf(shape)));
    fc.assert(
      fc.property(cases, (inputs) => {
        checkAsDefined(layerNormGrad, { eps }, inputs, CLOSE);
      }),
      { numRuns: 60 },
    );
  });

  it('shares rows among threads, with a cotangent of any strides', () => {
    const x = contiguousInput([1201, 130], 6);
    for (const strides of [
      [130, 1],
      [1, 1201],
      [0, 1],
      [1, 0],
    ]) {
      const cotangent = inputFor({ shape: [1201, 130], strides, offset: 0 }, 7);
      checkAsDefined(layerNormGrad, { eps: 1e-5 }, [x, cotangent], CLOSE);
    }
  });
});
