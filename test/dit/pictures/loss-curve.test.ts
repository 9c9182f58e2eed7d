import { execFileSync } from 'node:child_process';
import { ValueError } from '@tessera/tensor';
import * as fc from 'fast-check';
import { decode } from 'fast-png';
import { describe, expect, test } from 'vitest';
import { drawLossCurve, smoothSeries } from '../../../packages/dit/src/pictures/loss-curve.ts';

/** Counts the pixels of a picture that are blue enough to belong to the curve. */
function curvePixels(png: Uint8Array): number {
  const { data, channels } = decode(png);
  let count = 0;
  for (let i = 0; i < data.length; i += channels) {
    count += data[i + 2] > data[i] + 60 ? 1 : 0;
  }
  return count;
}

const falling = Array.from({ length: 200 }, (_, i) => ({
  step: i + 1,
  loss: 0.2 + Math.exp(-i / 30) + 0.05 * Math.sin(i * 7),
}));

describe('smoothing', () => {
  test('keeps straight lines, except where the end has no values after it', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 30 }), (n, window) => {
        const line = Array.from({ length: n }, (_, i) => 3 * i - 1);
        const smooth = smoothSeries(line, window);
        for (let i = 0; i < n - Math.floor(window / 2); i++) {
          expect(smooth[i]).toBeCloseTo(line[i], 10);
        }
      }),
    );
  });

  test('stays between the smallest and the largest value', () => {
    const series = fc.array(fc.double({ min: -10, max: 10, noNaN: true }), { minLength: 1 });
    fc.assert(
      fc.property(series, fc.integer({ min: 1, max: 40 }), (values, window) => {
        const smooth = smoothSeries(values, window);
        // Sums of at most a few hundred values below 10: rounding stays far under 1e-9.
        expect(Math.min(...smooth)).toBeGreaterThanOrEqual(Math.min(...values) - 1e-9);
        expect(Math.max(...smooth)).toBeLessThanOrEqual(Math.max(...values) + 1e-9);
      }),
    );
  });

  test('averages the neighbours, and nothing with a window of 1', () => {
    expect(smoothSeries([0, 3, 0, 9, 0], 3)).toEqual([0, 1, 4, 3, 4.5]);
    expect(smoothSeries([4, 2, 8], 1)).toEqual([4, 2, 8]);
  });
});

describe('a loss curve', () => {
  test('is a picture with a line in it, the same bytes each time', async () => {
    const png = await drawLossCurve(falling, { title: 'Loss' });
    expect(curvePixels(png)).toBeGreaterThan(2000);
    expect(await drawLossCurve(falling, { title: 'Loss' })).toEqual(png);
  });

  test('has a logarithmic axis when asked, or when the losses span a factor of 10', async () => {
    const linear = await drawLossCurve(falling, { logY: false });
    const logarithmic = await drawLossCurve(falling, { logY: true });
    expect(linear).not.toEqual(logarithmic);
    expect(await drawLossCurve(falling)).toEqual(linear);
    const steep = falling.map(({ step, loss }) => ({ step, loss: loss ** 2 }));
    expect(await drawLossCurve(steep)).toEqual(await drawLossCurve(steep, { logY: true }));
  });

  test('shows a single point, losses of zero and negative losses', async () => {
    expect(curvePixels(await drawLossCurve([{ step: 1, loss: 1 }]))).toBeGreaterThan(20);
    const zeros = [1, 2, 3].map((step) => ({ step, loss: 0 }));
    expect(curvePixels(await drawLossCurve(zeros))).toBeGreaterThan(20);
    const negative = [1, 2, 3].map((step) => ({ step, loss: -step }));
    expect(curvePixels(await drawLossCurve(negative))).toBeGreaterThan(20);
  });

  test('refuses what it cannot draw', async () => {
    await expect(drawLossCurve([])).rejects.toThrow(ValueError);
    await expect(drawLossCurve([{ step: 3, loss: NaN }])).rejects.toThrow(
      'drawLossCurve: the loss at step 3 is NaN, expected a finite number.',
    );
    await expect(drawLossCurve([{ step: 1, loss: 0 }], { logY: true })).rejects.toThrow(
      'drawLossCurve: a logarithmic axis cannot show the loss 0. Use logY: false.',
    );
  });
});

test('a curve is drawn where no code may be made of texts, and is the same', () => {
  const script = `
    import { drawLossCurve } from './packages/dit/src/pictures/loss-curve.ts';
    const png = await drawLossCurve([{ step: 1, loss: 1 }, { step: 2, loss: 0.5 }], { title: 'DiT' });
    console.log(Buffer.from(png).toString('base64').slice(0, 200), png.length);
  `;
  const run = (...flags: string[]): string =>
    execFileSync(
      process.execPath,
      [
        ...flags,
        '--conditions=tessera-source',
        '--import',
        'tsx',
        '--input-type=module',
        '-e',
        script,
      ],
      { encoding: 'utf8', env: { ...process.env, NODE_OPTIONS: '' } },
    );
  const strict = run('--disallow-code-generation-from-strings');
  expect(strict).toMatch(/^iVBOR/);
  expect(run()).toBe(strict);
});
