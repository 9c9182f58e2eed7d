import { describe, expect, it, test } from 'vitest';
import { zoo, type ZooName } from '@tessera/dit';
import type { Design } from '../../../packages/dit/src/config/choices.ts';
import { censusOf, knownModels, wholeCensus } from '../../../packages/dit/src/inspect/census.ts';

/** Millions of parameters and Gflops (multiply-adds counted once) as printed: Peebles & Xie 2023, table 4. */
const PRINTED: Readonly<Record<ZooName, readonly [millions: number, gigaMacs: number]>> = {
  'DiT-S/8': [33, 0.36],
  'DiT-S/4': [33, 1.41],
  'DiT-S/2': [33, 6.06],
  'DiT-B/8': [131, 1.42],
  'DiT-B/4': [130, 5.56],
  'DiT-B/2': [130, 23.01],
  'DiT-L/8': [459, 5.01],
  'DiT-L/4': [458, 19.7],
  'DiT-L/2': [458, 80.71],
  'DiT-XL/8': [676, 7.39],
  'DiT-XL/4': [675, 29.05],
  'DiT-XL/2': [675, 118.64],
};

const PRINTED_DESIGNS: readonly (readonly [Design, millions: number, gigaMacs: number])[] = [
  ['in-context', 449, 119.37],
  ['cross-attention', 598, 137.62],
  ['adaln', 600, 118.56],
  ['adaln-zero', 675, 118.64],
];

/** Half a unit of the last printed digit, and a share that the paper counts beside the products. */
const nearPrinted = (gigaMacs: number): number => 0.005 + gigaMacs * 0.0002;

describe('the census of a published model', () => {
  test.each(Object.keys(PRINTED) as ZooName[])('%s is that of table 4', (name) => {
    const model = knownModels.find((each) => each.name === name);
    if (model === undefined) throw new Error(`no ${name}`);
    const { imageSize, tokens, params, macs } = censusOf(model);
    const [millions, gigaMacs] = PRINTED[name];
    expect([imageSize, tokens]).toEqual([256, (32 / zoo[name].patchSize) ** 2]);
    expect(Math.round(params / 1e6)).toBe(millions);
    expect(Math.abs(macs / 1e9 - gigaMacs)).toBeLessThan(nearPrinted(gigaMacs));
  });

  test.each(PRINTED_DESIGNS)('XL/2 in the design %s is that of table 4', (...printed) => {
    const [design, millions, gigaMacs] = printed;
    const model = { ...zoo['DiT-XL/2'], design };
    const { params, macs } = censusOf({ name: 'XL', imageSize: 256, model });
    expect(Math.round(params / 1e6)).toBe(millions);
    expect(Math.abs(macs / 1e9 - gigaMacs)).toBeLessThan(nearPrinted(gigaMacs));
  });

  it('makes no weights: XL/2 takes less than 100 MB instead of 2.7 GB', () => {
    const before = process.memoryUsage().arrayBuffers;
    censusOf({ name: 'XL', imageSize: 256, model: zoo['DiT-XL/2'] });
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1e8);
  });
});

test('the whole census has every known model in every design', () => {
  const all = wholeCensus({ designs: ['adaln', 'adaln-zero'] });
  expect(all.map(({ name, design }) => `${name} ${design}`)).toEqual(
    knownModels.flatMap(({ name }) => [`${name} adaln`, `${name} adaln-zero`]),
  );
  expect(all.filter(({ name }) => name === 'smoke')).toEqual([
    {
      name: 'smoke',
      design: 'adaln',
      imageSize: 32,
      tokens: 4,
      params: 512_224,
      macs: 1_548_288,
    },
    {
      name: 'smoke',
      design: 'adaln-zero',
      imageSize: 32,
      tokens: 4,
      params: 568_096,
      macs: 1_603_584,
    },
  ]);
});
