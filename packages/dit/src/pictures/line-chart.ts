// Draws several series of numbers against the steps of a training.

import type { Spec } from 'vega';
import { PICTURE_FONT, renderSvg } from './svg.ts';

/** One point of a series. */
export interface Point {
  readonly step: number;
  readonly value: number;
}

/** One line of a chart. */
export interface Series {
  /** What the legend calls it. Lines of one name are drawn in one colour; an empty name is not in the legend. */
  readonly name: string;
  readonly points: readonly Point[];
  /** `faint` for what is measured, if a `strong` line sums it up. Default: strong. */
  readonly weight?: 'faint' | 'strong';
  /** Whether each point is a dot too, since a line through one point is invisible. Default: false. */
  readonly dots?: boolean;
}

/** A chart of lines. */
export interface LineChart {
  readonly series: readonly Series[];
  /** What stands beside the vertical axis. */
  readonly yTitle: string;
  /** One line above the chart. Default: none. */
  readonly title?: string;
  /** Whether the vertical axis is logarithmic. Then all values are above 0. Default: false. */
  readonly logY?: boolean;
  /** Width and height of the area between the axes, in units of half a pixel. Default: 760 and 400. */
  readonly size?: readonly [width: number, height: number];
}

const INK = '#1f2937';
const MUTED = '#6b7280';

/** Colours of the first names. Further ones take hues of their own. */
const COLOURS = ['#2563eb', '#dc2626', '#059669', '#d97706', '#7c3aed', '#0891b2', '#be185d'];

/** The colours of a number of names. */
function coloursOf(count: number): readonly string[] {
  if (count <= COLOURS.length) return COLOURS.slice(0, count);
  return Array.from({ length: count }, (_, i) => `hsl(${Math.round((300 * i) / count)}, 70%, 45%)`);
}

type Mark = NonNullable<Spec['marks']>[number];
type Channel = [name: string, constant: { value: string | number }];

/** A mark over all points of a series. */
function seriesMark(
  type: 'line' | 'symbol',
  data: string,
  look: Readonly<Record<string, string | number>>,
): Mark {
  const fixed = Object.entries(look).map(([channel, value]): Channel => [channel, { value }]);
  const x = { scale: 'x', field: 'step' };
  const y = { scale: 'y', field: 'value' };
  return { type, from: { data }, encode: { enter: { ...Object.fromEntries(fixed), x, y } } };
}

/** The values 1, 2 and 5 times a power of ten between two positive numbers; powers alone if these are many. */
function logTicks(low: number, high: number): number[] {
  const digits = Math.log10(high / low) > MANY_POWERS ? [1] : [1, 2, 5];
  const ticks: number[] = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) {
    ticks.push(...digits.map((digit) => Number(`${digit}e${power}`)));
  }
  return ticks.filter((tick) => tick >= low && tick <= high);
}

/** Powers of ten on an axis that has no place for more labels. */
const MANY_POWERS = 5;

/** A logarithmic axis is used where positive values span a factor of this. */
const WIDE_SPAN = 10;

/** Whether a logarithmic axis shows more of some numbers: they are positive, and far apart. */
export function isWide(values: readonly number[]): boolean {
  const [lowest, highest] = extentOf(values);
  return lowest > 0 && highest >= WIDE_SPAN * lowest;
}

/** The smallest and the largest of some numbers. */
function extentOf(values: readonly number[]): readonly [number, number] {
  return [values.reduce((a, b) => Math.min(a, b)), values.reduce((a, b) => Math.max(a, b))];
}

/** The picture in the words of Vega: scales, axes, and a line for each series. */
function chartSpec({ series, yTitle, title, logY = false, size = [760, 400] }: LineChart): Spec {
  const values = series.flatMap(({ points }) => points.map(({ value }) => value));
  const [lowest, highest] = extentOf(values);
  const domain = logY
    ? [lowest / 1.15, highest * 1.15]
    : [Math.min(0, lowest), Math.max(0, highest)];
  const names = [...new Set(series.map(({ name }) => name))];
  const colours = coloursOf(names.length);
  const marks = series.flatMap(({ name, weight = 'strong', dots = false }, i): Mark[] => {
    const stroke = colours[names.indexOf(name)];
    const line =
      weight === 'faint'
        ? { stroke, strokeWidth: 1, strokeOpacity: 0.3 }
        : { stroke, strokeWidth: 2.5, strokeJoin: 'round' };
    const data = `series${i}`;
    const lines = [seriesMark('line', data, line)];
    return dots ? [...lines, seriesMark('symbol', data, { fill: stroke, size: 30 })] : lines;
  });
  const shown = names.filter((name) => name !== '');
  return {
    width: size[0],
    height: size[1],
    padding: 24,
    autosize: 'pad',
    ...(title === undefined ? {} : { title: { text: title, anchor: 'start', offset: 18 } }),
    data: series.map(({ points }, i) => ({ name: `series${i}`, values: [...points] })),
    scales: [
      {
        name: 'x',
        type: 'linear',
        range: 'width',
        domain: [...extentOf(series.flatMap(({ points }) => points.map(({ step }) => step)))],
        zero: false,
      },
      { name: 'y', type: logY ? 'log' : 'linear', range: 'height', domain, nice: !logY },
      {
        name: 'colour',
        type: 'ordinal',
        domain: shown,
        range: shown.map((name) => colours[names.indexOf(name)]),
      },
    ],
    axes: [
      { orient: 'bottom', scale: 'x', title: 'step', format: ',d', tickCount: 8, tickMinStep: 1 },
      {
        orient: 'left',
        scale: 'y',
        title: logY ? `${yTitle} (log scale)` : yTitle,
        format: '~g',
        ...(logY ? { values: logTicks(domain[0], domain[1]) } : { tickCount: 6 }),
        grid: true,
        domain: false,
        ticks: false,
      },
    ],
    ...(shown.length > 1 && {
      legends: [{ stroke: 'colour', orient: 'right', symbolType: 'stroke', offset: 12 }],
    }),
    marks,
    config: {
      title: { font: PICTURE_FONT, fontSize: 18, color: INK },
      legend: {
        labelFont: PICTURE_FONT,
        labelFontSize: 12,
        labelColor: MUTED,
        symbolStrokeWidth: 3,
      },
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
 * Draws a chart on white. The same chart gives the same bytes on every machine.
 *
 * @param chart with one point or more, all of finite numbers
 * @returns the bytes of a PNG file
 */
export async function drawLineChart(chart: LineChart): Promise<Uint8Array> {
  const { View, parse } = await import('vega');
  const { expressionInterpreter } = await import('vega-interpreter');
  // Vega compiles the text of its expressions by default. Some engines are told to refuse that.
  const spec = parse(chartSpec(chart), undefined, { ast: true });
  const view = new View(spec, { renderer: 'none', expr: expressionInterpreter });
  try {
    return await renderSvg(await view.toSVG(), 2);
  } finally {
    view.finalize();
  }
}
