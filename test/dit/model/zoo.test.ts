import { describe, expect, it, test } from 'vitest';
import { countParameters, namedTensors } from '@tessera/autograd/nn';
import { DiT, macCount, parameterCount, zoo, type ZooName } from '@tessera/dit';

/** Trained values, and multiply-adds of a forward pass in 10⁹. */
const CENSUS: Readonly<Record<ZooName, readonly [number, number]>> = {
  'DiT-S/8': [33_142_016, 0.358],
  'DiT-S/4': [32_920_448, 1.413],
  'DiT-S/2': [32_865_056, 6.056],
  'DiT-B/8': [130_869_248, 1.418],
  'DiT-B/4': [130_426_496, 5.565],
  'DiT-B/2': [130_315_808, 23.005],
  'DiT-L/8': [458_578_432, 5.011],
  'DiT-L/4': [457_988_224, 19.696],
  'DiT-L/2': [457_840_672, 80.698],
  'DiT-XL/8': [675_664_640, 7.392],
  'DiT-XL/4': [675_000_704, 29.044],
  'DiT-XL/2': [674_834_720, 118.621],
};

const names = Object.keys(CENSUS) as ZooName[];

describe('the published models', () => {
  it('are twelve', () => {
    expect(Object.keys(zoo).sort()).toEqual(names.sort());
  });

  test.each(names)('%s has the parameters and the arithmetic of the paper', (name) => {
    const [parameters, gigaMacs] = CENSUS[name];
    expect(parameterCount(zoo[name])).toBe(parameters);
    expect(Number((macCount(zoo[name]) / 1e9).toFixed(3))).toBe(gigaMacs);
  });

  it('print 675,129,632 with the position table, as the official training does', () => {
    const model = DiT.blank(zoo['DiT-XL/2']);
    const all = namedTensors(model).reduce((sum, [, { size }]) => sum + size, 0);
    expect(all).toBe(675_129_632);
    expect(namedTensors(model).length).toBe(292);
  });

  it('exist for 512×512 too', () => {
    const large = { ...zoo['DiT-XL/2'], inputSize: 64 };
    expect(parameterCount(large)).toBe(674_834_720);
    expect(macCount(large) / 1e9).toBeCloseTo(524.538, 3);
  });
});

describe('counting', () => {
  it('drops the null class and the variance where the model has none', () => {
    const config = zoo['DiT-S/2'];
    const without = { ...config, classDropoutProb: 0, learnSigma: false };
    const decoderRow = 384 + 1;
    expect(parameterCount(config) - parameterCount(without)).toBe(384 + 16 * decoderRow);
  });

  it('counts what the model has', () => {
    const small = { ...zoo['DiT-S/8'], depth: 1, hiddenSize: 24, numHeads: 3, mlpRatio: 2 };
    expect(parameterCount(small)).toBe(countParameters(DiT.blank(small)));
  });

  it('finds the multiply-adds that the formula of a Transformer gives', () => {
    const small = { ...zoo['DiT-S/8'], depth: 2, hiddenSize: 24, numHeads: 3 };
    const [tokens, width, pixels] = [16, 24, 8 * 8 * 4];
    const block = tokens * 12 * width ** 2 + 2 * tokens ** 2 * width + 6 * width ** 2;
    const embedders = tokens * pixels * width + 256 * width + width ** 2;
    const decoder = 2 * width ** 2 + tokens * width * 2 * pixels;
    expect(macCount(small)).toBe(embedders + 2 * block + decoder);
  });

  it('counts the second time of a flow map', () => {
    const small = { ...zoo['DiT-S/8'], depth: 2, hiddenSize: 24, numHeads: 3 };
    expect(macCount({ ...small, decoderDepth: 1 }) - macCount(small)).toBe(256 * 24 + 24 ** 2);
  });

  it('counts conditions and their tokens', () => {
    const { hiddenSize: width, ...rest } = { ...zoo['DiT-S/8'], hiddenSize: 24, numHeads: 3 };
    const plain = { ...rest, hiddenSize: width, depth: 1 };
    const text = { kind: 'text', name: 'text', length: 5, width: 8, depth: 1, heads: 2 } as const;
    const conditions = [{ ...text, dropoutProb: 0.1 }];
    const encoder = 5 * 12 * 8 ** 2 + 2 * 5 ** 2 * 8 + (5 + 1) * 8 * width;
    const attention = 2 * (16 + 5) * width ** 2 + 2 * 16 * 5 * width;
    expect(macCount({ ...plain, conditions }) - macCount(plain)).toBe(encoder + attention);
  });
});
