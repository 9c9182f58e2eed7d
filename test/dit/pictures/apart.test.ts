import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { movesApart } from '../../../packages/dit/src/pictures/apart.ts';
import { lineChartSvg } from '../../../packages/dit/src/pictures/line-chart.ts';

const [GAP, REACH] = [14, 44];
const place = fc.integer({ min: 0, max: 300 });
const column = fc.array(place, { minLength: 1, maxLength: 12 });

test('words of one column end up a gap apart, in their order', () => {
  fc.assert(
    fc.property(column, (ys) => {
      const words = ys.map((y) => ({ x: 10, y }));
      const moves = movesApart(words, GAP, REACH);
      const ends = words
        .map(({ y }, i) => ({ from: y, to: y + moves[i] }))
        .toSorted((a, b) => a.to - b.to);
      for (const [i, { from, to }] of ends.slice(1).entries()) {
        // Sums of a dozen places below 1000: rounding stays far under 1e-9.
        expect(to - ends[i].to).toBeGreaterThanOrEqual(GAP - 1e-9);
        expect(from).toBeGreaterThanOrEqual(ends[i].from);
      }
    }),
  );
});

test('no other moves are smaller: words that touch keep the middle of their places', () => {
  const words = [100, 103, 104, 200].map((y) => ({ x: 0, y }));
  const [a, b, c, far] = movesApart(words, GAP, REACH).map((move, i) => words[i].y + move);
  const middle = (100 + 103 + 104) / 3;
  expect([a, b, c]).toEqual([middle - GAP, middle, middle + GAP]);
  expect(far).toBe(200);
});

test('words far from one another across do not move, unless others lie between them', () => {
  const words = [0, 40, 300].map((x) => ({ x, y: 50 }));
  expect(movesApart(words, GAP, REACH)).toEqual([-GAP / 2, GAP / 2, 0]);
  const chain = [0, 40, 80].map((x) => ({ x, y: 50 }));
  expect(movesApart(chain, GAP, REACH)).toEqual([-GAP, 0, GAP]);
});

test('lines of a chart that end close to one another have words that can be read', async () => {
  const series = [100, 101, 102].map((y, i) => ({
    name: `${i}`,
    points: [
      { x: 0, y: 500 },
      { x: 9, y, label: `end ${i}` },
    ],
  }));
  const svg = await lineChartSvg({ series, yTitle: 'loss' });
  const heights = [...svg.matchAll(/translate\([\d.]+,([\d.]+)\)"[^>]*>end \d/g)];
  const [top, middle, low] = heights.map(([, y]) => Number(y)).sort((a, b) => a - b);
  // The height of its letters is 12 pixels.
  expect(Math.min(middle - top, low - middle)).toBeGreaterThanOrEqual(12);
});
