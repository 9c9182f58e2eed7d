// Draws the loss of a training run against its steps.

import { ValueError } from '@tessera/tensor';
import type { Spec } from 'vega';
import { PICTURE_FONT, renderSvg } from './svg.ts';

/** One point of the curve; a row of the log is one. */
export interface LossPoint {
  readonly step: number;
  readonly loss: number;
}

/** How {@link drawLossCurve} draws. */
export interface LossCurveOptions {
  /** One line above the curve. Default: none. */
  readonly title?: string;
  /** Logarithmic loss axis. Default: yes if all losses are positive and span a factor of 10. */
  readonly logY?: boolean;
  /** Number of points that the smooth line averages over. Default: a fortieth of them. */
  readonly window?: number;
}

/** A row that is drawn. */
interface Row extends LossPoint {
  readonly smooth: number;
}

/** What the loss axis has to show, and how. */
interface Range {
  readonly lowest: number;
  readonly highest: number;
  readonly logY: boolean;
}

/** Up to this many points are shown as dots too: a line through one point is invisible. */
const FEW_POINTS = 30;
const INK = '#1f2937';
const MUTED = '#6b7280';
const LINE = '#2563eb';

/**
 * Smooths a series by a moving mean over the half window before and the half window after each value,
 * so that the mean does not lag behind. Near the start both halves shrink together, so that the first
 * fall keeps its place; near the end only the half after does.
 *
 * @param values the series
 * @param window number of values in a mean; 1 leaves the series as it is
 */
export function smoothSeries(values: readonly number[], window: number): number[] {
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

/** The values 1, 2 and 5 times a power of ten between two positive numbers. */
function logTicks(low: number, high: number): number[] {
  const ticks: number[] = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) {
    ticks.push(...[1, 2, 5].map((digit) => Number(`${digit}e${power}`)));
  }
  return ticks.filter((tick) => tick >= low && tick <= high);
}

type Mark = NonNullable<Spec['marks']>[number];
type Channel = [name: string, constant: { value: string | number }];

/** A mark over all rows that shows one field of them against the step. */
function seriesMark(
  type: 'line' | 'symbol',
  field: string,
  look: Record<string, string | number>,
): Mark {
  const fixed = Object.entries(look).map(([channel, value]): Channel => [channel, { value }]);
  const x = { scale: 'x', field: 'step' };
  const y = { scale: 'y', field };
  return {
    type,
    from: { data: 'rows' },
    encode: { enter: { ...Object.fromEntries(fixed), x, y } },
  };
}

/** The picture as Vega wants it described: two scales, two axes, the logged and the smooth series. */
function curveSpec(rows: readonly Row[], range: Range, title: string | undefined): Spec {
  const { lowest, highest, logY } = range;
  const domain = logY
    ? [lowest / 1.15, highest * 1.15]
    : [Math.min(0, lowest), Math.max(0, highest)];
  const marks = [
    seriesMark('line', 'loss', { stroke: LINE, strokeWidth: 1, strokeOpacity: 0.3 }),
    seriesMark('line', 'smooth', { stroke: LINE, strokeWidth: 2.5, strokeJoin: 'round' }),
  ];
  if (rows.length <= FEW_POINTS) {
    marks.push(seriesMark('symbol', 'loss', { fill: LINE, size: 30 }));
  }
  return {
    width: 760,
    height: 400,
    padding: 24,
    autosize: 'pad',
    ...(title === undefined ? {} : { title: { text: title, anchor: 'start', offset: 18 } }),
    data: [{ name: 'rows', values: [...rows] }],
    scales: [
      {
        name: 'x',
        type: 'linear',
        range: 'width',
        domain: { data: 'rows', field: 'step' },
        zero: false,
      },
      { name: 'y', type: logY ? 'log' : 'linear', range: 'height', domain, nice: !logY },
    ],
    axes: [
      { orient: 'bottom', scale: 'x', title: 'step', format: ',d', tickCount: 8, tickMinStep: 1 },
      {
        orient: 'left',
        scale: 'y',
        title: logY ? 'loss (log scale)' : 'loss',
        format: '~g',
        ...(logY ? { values: logTicks(domain[0], domain[1]) } : { tickCount: 6 }),
        grid: true,
        domain: false,
        ticks: false,
      },
    ],
    marks,
    config: {
      title: { font: PICTURE_FONT, fontSize: 18, color: INK },
      axis: {
        labelFont: PICTURE_FONT,
        labelFontSize: 13,
        labelColor: MUTED,
        labelPadding: 8,
        titleFont: PICTURE_FONT,
        titleFontSize: 14,
        titleFontWeight: 'normal',
        titleColor: INK,
        titlePadding: 14,
        gridColor: '#e5e7eb',
        domainColor: '#9ca3af',
        tickColor: '#9ca3af',
      },
    },
  };
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
  const highest = losses.reduce((a, b) => Math.max(a, b));
  const {
    logY = lowest > 0 && highest >= 10 * lowest,
    window = Math.ceil(points.length / 40),
    title,
  } = options;
  if (logY && lowest <= 0) {
    throw new ValueError(
      'drawLossCurve',
      `a logarithmic axis cannot show the loss ${lowest}. Use logY: false.`,
    );
  }
  const smooth = smoothSeries(losses, window);
  const rows = points.map(({ step, loss }, i) => ({ step, loss, smooth: smooth[i] }));
  const { View, parse } = await import('vega');
  const { expressionInterpreter } = await import('vega-interpreter');
  // Vega would make functions of the text of its expressions, which some engines are told to refuse.
  const spec = parse(curveSpec(rows, { lowest, highest, logY }, title), undefined, { ast: true });
  const view = new View(spec, { renderer: 'none', expr: expressionInterpreter });
  try {
    return await renderSvg(await view.toSVG(), 2);
  } finally {
    view.finalize();
  }
}
