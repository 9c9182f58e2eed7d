// Draws the loss of a training run against its steps.

import { ValueError } from '@tessera/tensor';
import { drawLineChart, isWide } from './line-chart.ts';

/** One point of the curve. A row of the log is one. */
export interface LossPoint {
  readonly step: number;
  readonly loss: number;
}

/** Options of {@link drawLossCurve}. */
export interface LossCurveOptions {
  /** One line above the curve. Default: none. */
  readonly title?: string;
  /** Logarithmic loss axis. Default: yes if all losses are positive and span a factor of 10. */
  readonly logY?: boolean;
  /** Number of points that the smooth line averages over. Default: a fortieth of them. */
  readonly window?: number;
}

/** Up to this many points are shown as dots too. */
const FEW_POINTS = 30;

/**
 * Smooths a series by a moving mean over half a window before and half a window after each value. So the
 * mean does not lag behind. Near the start both halves shrink together, so the first fall keeps its place.
 * Near the end only the half after the value shrinks.
 *
 * @param values the series
 * @param window number of values in a mean; 1 leaves the series as it is. Default: a fortieth of them.
 */
export function smoothSeries(
  values: readonly number[],
  window: number = Math.ceil(values.length / 40),
): number[] {
  const sums = [0];
  for (const value of values) {
    sums.push(sums[sums.length - 1] + value);
  }
  return values.map((_, i) => {
    const before = Math.min(Math.floor(window / 2), i);
    const after = Math.min(before, values.length - 1 - i);
    return (sums[i + after + 1] - sums[i - before]) / (before + 1 + after);
  });
}

/**
 * Draws loss against step: the logged values faint, their moving average strong, on white.
 *
 * @param points in the order of their steps
 * @returns the bytes of a PNG file
 * @throws ValueError if there are no points, a value is not finite, or a logarithmic axis is asked for
 *   and a loss is not positive
 * @example
 * const png = await drawLossCurve([{ step: 1, loss: 1 }, { step: 2, loss: 0.5 }], { title: 'DiT' });
 * png.slice(1, 4); // [80, 78, 71]: PNG
 */
export async function drawLossCurve(
  points: readonly LossPoint[],
  options: LossCurveOptions = {},
): Promise<Uint8Array> {
  const losses = points.map(({ loss }) => loss);
  if (points.length === 0) {
    throw new ValueError('drawLossCurve', 'there are no points to draw.');
  }
  const bad = points.find(({ step, loss }) => !Number.isFinite(step) || !Number.isFinite(loss));
  if (bad !== undefined) {
    throw new ValueError(
      'drawLossCurve',
      `the loss at step ${bad.step} is ${bad.loss}, expected a finite number.`,
    );
  }
  const lowest = losses.reduce((a, b) => Math.min(a, b));
  const { logY = isWide(losses), window, title } = options;
  if (logY && lowest <= 0) {
    throw new ValueError(
      'drawLossCurve',
      `a logarithmic axis cannot show the loss ${lowest}. Use logY: false.`,
    );
  }
  const smooth = smoothSeries(losses, window);
  return drawLineChart({
    yTitle: 'loss',
    logY,
    ...(title !== undefined && { title }),
    series: [
      {
        name: '',
        weight: 'faint',
        points: points.map(({ step, loss }) => ({ x: step, y: loss })),
        dots: points.length <= FEW_POINTS,
      },
      { name: '', points: points.map(({ step }, i) => ({ x: step, y: smooth[i] })) },
    ],
  });
}
