import { describe, expect, it, test } from 'vitest';
import { countParameters, namedTensors } from '@tessera/autograd/nn';
import { DiT, macCount, parameterCount, zoo, type ZooName } from '@tessera/dit';
import { DESIGNS, type Design } from '../../../packages/dit/src/config/choices.ts';

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

/** Gflops as published (table 4), where a multiply-add is one. */
const PUBLISHED: Readonly<Record<ZooName, number>> = {
  'DiT-S/8': 0.36,
  'DiT-S/4': 1.41,
  'DiT-S/2': 6.06,
  'DiT-B/8': 1.42,
  'DiT-B/4': 5.56,
  'DiT-B/2': 23.01,
  'DiT-L/8': 5.01,
  'DiT-L/4': 19.7,
  'DiT-L/2': 80.71,
  'DiT-XL/8': 7.39,
  'DiT-XL/4': 29.05,
  'DiT-XL/2': 118.64,
};

test('the arithmetic is the published one as closely as the documentation says', () => {
  const off = names.map((name) => Math.abs(macCount(zoo[name]) / 1e9 - PUBLISHED[name]));
  expect(Math.max(...off)).toBeLessThan(0.025);
  const share = (name: ZooName): number =>
    Math.abs(macCount(zoo[name]) / 1e9 / PUBLISHED[name] - 1);
  expect(share('DiT-XL/2')).toBeLessThan(0.0002);
  expect(share('DiT-S/8')).toBeLessThan(0.006);
});

describe('the designs of XL/2', () => {
  /** Millions of trained values, and 10⁹ multiply-adds, as published (table 4). */
  const COSTS: Readonly<Record<Design, readonly [number, number]>> = {
    'in-context': [449, 119.37],
    'cross-attention': [598, 137.62],
    adaln: [600, 118.56],
    'adaln-zero': [675, 118.64],
  };

  test.each(DESIGNS)('%s', (design) => {
    const config = { ...zoo['DiT-XL/2'], design };
    const [millions, gigaMacs] = COSTS[design];
    expect(Math.round(parameterCount(config) / 1e6)).toBe(millions);
    // The paper leaves out or adds some 20 million operations that it does not name.
    expect(Math.abs(macCount(config) / 1e9 - gigaMacs)).toBeLessThan(0.025);
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
});
