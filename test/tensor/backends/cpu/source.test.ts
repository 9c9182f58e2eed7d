import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { source } from '../../../../packages/tensor/src/primitives/source.ts';
import { threefry2x32 } from '../../../../packages/tensor/src/primitives/threefry.ts';
import { contiguousView } from '../../../../packages/tensor/src/array/view.ts';
import { runCall, type Input } from './kernel-runs.ts';

const keyOf = (...words: number[]): Input => ({
  view: contiguousView([2]),
  elements: new Int32Array(words),
});

describe('iota', () => {
  it('counts from 0', () => {
    expect(runCall(source.iota, { size: 4 }, []).elements).toEqual(new Int32Array([0, 1, 2, 3]));
    expect(runCall(source.iota, { size: 0 }, []).elements).toEqual(new Int32Array(0));
  });
});

describe('randomBits', () => {
  it('is threefry at the counters from start, its words joined by xor', () => {
    const params = { shape: [2, 2], width: 32, start: 7 };
    const { shape, elements } = runCall(source.randomBits, params, [keyOf(11, -3)]);
    const expected = [7, 8, 9, 10].map((counter) => {
      const [word0, word1] = threefry2x32(11, -3, 0, counter);
      return (word0 ^ word1) | 0;
    });
    expect(shape).toEqual([2, 2]);
    expect(Array.from(elements)).toEqual(expected);
  });

  it('keeps the top bits as a number of at least 0', () => {
    const bits = (width: number): Int32Array =>
      runCall(source.randomBits, { shape: [50], width, start: 0 }, [keyOf(1, 2)])
        .elements as Int32Array;
    const whole = bits(32);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 31 }), (width) => {
        expect(bits(width)).toEqual(whole.map((word) => word >>> (32 - width)));
        expect(Math.min(...bits(width))).toBeGreaterThanOrEqual(0);
      }),
    );
  });

  it('reads a key that is a view', () => {
    const params = { shape: [3], width: 24, start: 0 };
    const strided = {
      view: { shape: [2], strides: [-2], offset: 2 },
      elements: new Int32Array([6, 0, 5]),
    };
    const expected = runCall(source.randomBits, params, [keyOf(5, 6)]);
    expect(runCall(source.randomBits, params, [strided])).toEqual(expected);
  });

  it('refuses widths that a word has not, and starts that no counter has', () => {
    const infer = (params: { readonly width: number; readonly start: number }) => () =>
      source.randomBits.infer([{ shape: [2], dtype: 'int32' }], { shape: [2], ...params });
    expect(infer({ width: 0, start: 0 })).toThrowErrorMatchingInlineSnapshot(
      `[ValueError: randomBits: width must be a whole number of bits from 1 to 32, but is 0. For no bits, use zeros(shape, 'int32').]`,
    );
    for (const width of [-1, 33, 2.5, NaN]) {
      expect(infer({ width, start: 0 })).toThrow(`from 1 to 32, but is ${width}`);
    }
    expect(infer({ width: 32, start: -1 })).toThrowErrorMatchingInlineSnapshot(
      `[ValueError: randomBits: start must be a whole number of at least 0, but is -1.]`,
    );
    for (const start of [0.5, NaN, 2 ** 53]) {
      expect(infer({ width: 32, start })).toThrow(`of at least 0, but is ${start}`);
    }
  });

  it('gives nothing for an empty shape', () => {
    const params = { shape: [0, 3], width: 32, start: 0 };
    expect(runCall(source.randomBits, params, [keyOf(1, 2)]).elements).toHaveLength(0);
  });
});

describe('threefry2x32', () => {
  // The known answers that the authors publish with Random123 (kat_vectors, threefry 2x32, 20 rounds).
  it.each([
    { key: [0, 0], counter: [0, 0], words: [0x6b200159, 0x99ba4efe] },
    {
      key: [0xffffffff, 0xffffffff],
      counter: [0xffffffff, 0xffffffff],
      words: [0x1cb996fc, 0xbb002be7],
    },
    {
      key: [0x13198a2e, 0x03707344],
      counter: [0x243f6a88, 0x85a308d3],
      words: [0xc4923a9c, 0x483df7a0],
    },
  ])('gives the published words for key $key and counter $counter', ({ key, counter, words }) => {
    expect(threefry2x32(key[0], key[1], counter[0], counter[1])).toEqual(words);
  });

  it('takes words as signed or unsigned', () => {
    expect(threefry2x32(-1, -1, -1, -1)).toEqual([0x1cb996fc, 0xbb002be7]);
  });
});
