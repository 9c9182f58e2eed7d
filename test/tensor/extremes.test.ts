import { grad } from '@tessera/autograd';
import { smoothL1 } from '@tessera/autograd/nn';
import {
  clamp,
  cpuBackend,
  encodeSafetensors,
  gelu,
  geluErf,
  setDefaultBackend,
  silu,
  tensor,
  wasmBackend,
  zeros,
  type Tensor,
} from '@tessera/tensor';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { wrong } from '../refusals.ts';

const backends = [
  ['cpu', cpuBackend()],
  ['wasm', wasmBackend({ threads: 1 })],
] as const;

describe.each(backends)('on %s', (_name, backend) => {
  let before: ReturnType<typeof setDefaultBackend> = null;
  beforeAll(() => {
    before = setDefaultBackend(backend);
  });
  afterAll(() => {
    setDefaultBackend(before);
  });

  it('a large mean takes no digits from the variance', () => {
    expect(
      tensor([1e8, 1e8 + 8, 1e8 + 16])
        .variance()
        .itemSync(),
    ).toBe(64);
    for (const size of [1e3, 1e6, 1e8]) {
      const elements = Float32Array.from(
        { length: 4096 },
        (_, i) => size + (size / 1e5) * Math.sin(12.9898 * i),
      );
      const mean = elements.reduce((sum, x) => sum + x, 0) / elements.length;
      const exact = elements.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (elements.length - 1);
      // A few units in the last place of the sum of squares.
      expect(tensor(elements).variance().itemSync() / exact).toBeCloseTo(1, 4);
    }
  });

  it('gates let the largest numbers through', () => {
    const x = [3e38, 2e38].map(Math.fround);
    for (const gate of [gelu, geluErf, silu]) expect(gate(tensor(x)).toArraySync()).toEqual(x);
  });

  it('a loss that is NaN has a gradient that is NaN', () => {
    const slope = grad((x: Tensor) => smoothL1(x, zeros([2]), { reduction: 'sum' }));
    expect(slope(tensor([NaN, 0.5])).toArraySync()).toEqual([NaN, 0.5]);
  });

  it('an infinite bound is none, so that whole numbers stay whole', () => {
    const x = tensor([16_777_217], { dtype: 'int32' });
    expect(clamp(x, -Infinity, Infinity).toArraySync()).toEqual([16_777_217]);
    expect(clamp(x, -Infinity, Infinity).dtype).toBe('int32');
  });
});

describe('what looks like an option and is none', () => {
  it('is refused', () => {
    expect(() => tensor([1]).pad([[1, 0]], wrong({ value: 5 }))).toThrow(
      'pad: takes a number, but got an object.',
    );
    expect(() => clamp(tensor([1]), wrong({ min: 0 }))).toThrow(/^clamp: /);
    expect(() => wasmBackend({ threads: 1e5 })).toThrow('from 1 to 1024');
    expect(() => encodeSafetensors(new Map(), wrong(new Map([['a', 'b']])))).toThrow(
      'must map names to texts',
    );
    expect(() => zeros([1], wrong({ dtype: 'int32' }))).toThrow('there is no dtype an object');
  });
});
