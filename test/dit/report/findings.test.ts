import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { configDifferences } from '../../../packages/dit/src/report/config-difference.ts';
import { findingsOf, median } from '../../../packages/dit/src/report/findings.ts';
import { toMarkdown } from '../../../packages/dit/src/report/markdown.ts';
import { heading, paragraph, table } from '../../../packages/dit/src/report/document.ts';
import { thinned } from '../../../packages/dit/src/report/charts.ts';
import { presetConfig } from '@tessera/dit';
import type { LogRow } from '../../../packages/dit/src/run/log.ts';

/** A training of 200 steps that goes well, but for some changes. */
function training(change: (row: LogRow) => Partial<LogRow> = () => ({})): LogRow[] {
  return Array.from({ length: 200 }, (_, i) => {
    const row: LogRow = {
      stage: 'diffusion',
      step: i + 1,
      loss: 0.3 + Math.exp(-i / 20) + 0.02 * Math.sin(7 * i),
      gradNorm: 1 + 0.2 * Math.cos(5 * i),
      imagesPerSecond: 1000 + (i % 7),
    };
    return { ...row, ...change(row) };
  });
}

const texts = (rows: readonly LogRow[]): string[] =>
  findingsOf('diffusion', rows).map(({ text }) => text);

const norms = { gradNorm: 0.5, weightNorm: 10, updateNorm: 0.01 };

describe('what is odd about a training', () => {
  it('is nothing where all goes well, and where there is little or nothing to see', () => {
    expect(texts(training())).toEqual([]);
    expect(
      texts(training(({ step }) => (step % 10 === 0 ? { modules: { a: norms } } : {}))),
    ).toEqual([]);
    for (const length of [0, 1, 5]) expect(texts(training().slice(0, length))).toEqual([]);
  });

  it('is a spike of the loss; neighbours are one', () => {
    const rows = training(({ step }) => ([100, 101, 103].includes(step) ? { loss: 5 + step } : {}));
    expect(texts(rows)).toEqual(['The loss jumps to 108 at step 103, from about 0.331.']);
  });

  it('is a gradient that explodes', () => {
    const rows = training(({ step, gradNorm }) => ({ gradNorm: gradNorm * 1.03 ** step }));
    expect(texts(rows)).toEqual([
      expect.stringMatching(/^The gradient's norm grows from about .* it explodes/),
    ]);
  });

  it('is a module without a gradient, and one whose steps are too large or too small', () => {
    const at = (modules: LogRow['modules'] & object): LogRow[] =>
      training(({ step }) => (step % 10 === 0 ? { modules } : {}));
    expect(texts(at({ fine: norms, dead: { ...norms, gradNorm: 0 } }))).toEqual([
      'dead gets no gradient: it does not learn.',
    ]);
    expect(texts(at({ wild: { ...norms, updateNorm: 3 } }))).toEqual([
      'A step changes the weights of wild by 30 %: lower the learning rate.',
    ]);
    expect(texts(at({ still: { ...norms, updateNorm: 1e-9 } }))).toEqual([
      expect.stringMatching(/^A step changes the weights of still by no more than/),
    ]);
    // Weights that start at 0 have no ratio, and gradients that start at 0 are dead only if they stay so.
    const late = training(({ step }) =>
      step % 10 === 0 ? { modules: { gate: { ...norms, gradNorm: step < 60 ? 0 : 1 } } } : {},
    );
    expect(texts(late)).toEqual([]);
  });

  it('is a training that becomes slow', () => {
    const rows = training(({ step }) => (step > 150 ? { imagesPerSecond: 100 } : {}));
    expect(texts(rows)).toEqual([expect.stringMatching(/^The last steps see 100 images/)]);
  });

  it('a median has as many values above as below', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -99, max: 99 }), { minLength: 1 }), (values) => {
        const middle = median(values);
        const above = values.filter((value) => value > middle).length;
        const below = values.filter((value) => value < middle).length;
        expect(Math.max(above, below)).toBeLessThanOrEqual(values.length / 2);
      }),
    );
    expect(median([])).toBeNaN();
  });
});

describe('the settings of two runs', () => {
  it('differ where one has another value, or none', () => {
    const own = presetConfig('smoke', { steps: 100, seed: 1 });
    expect(configDifferences(own, own)).toEqual([]);
    const other = { ...presetConfig('smoke', { steps: 100, seed: 2 }), accumulate: 2 };
    expect(configDifferences(own, other)).toEqual([
      { path: 'seed', values: ['1', '2'] },
      { path: 'accumulate', values: ['', '2'] },
    ]);
  });
});

describe('a line with many points', () => {
  it('keeps its order, its highest and its lowest value', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: -5, max: 5, noNaN: true }), { minLength: 1, maxLength: 6000 }),
        (values) => {
          const points = values.map((y, x) => ({ x, y }));
          const kept = thinned(points);
          expect(kept.length).toBeLessThanOrEqual(1502);
          expect(kept.map(({ x }) => x)).toEqual(kept.map(({ x }) => x).toSorted((a, b) => a - b));
          const extent = (all: readonly { y: number }[]): number[] =>
            [Math.min, Math.max].map((f) => f(...all.map(({ y }) => y)));
          expect(extent(kept)).toEqual(extent(points));
        },
      ),
      { numRuns: 30 },
    );
  });
});

describe('Markdown', () => {
  it('has no text that means something else there', () => {
    const parts = [
      heading(1, 'Report on runs/a_b'),
      paragraph('Less is <more>.'),
      table(['setting', 'a|b'], [['*', '[1,2]']]),
    ];
    expect(toMarkdown(parts, () => '')).toBe(
      [
        '# Report on runs/a\\_b\n',
        'Less is \\<more\\>.\n',
        '| setting | a\\|b |\n| --- | --- |\n| \\* | \\[1,2\\] |\n',
      ].join('\n'),
    );
  });
});
