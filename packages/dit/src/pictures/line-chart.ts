// Draws series of numbers: lines against the steps of a training, or points against a cost.

import type { Spec } from 'vega';
import { movesApart } from './apart.ts';
import { PICTURE_FONT, renderSvg } from './svg.ts';

/** One point of a series. */
export interface Point {
  readonly x: number;
  readonly y: number;
  /** A word beside the point. Default: none. */
  readonly label?: string;
}

/** One line of a chart. */
export interface Series {
  /** What the legend calls it. Lines of one name are drawn in one colour; an empty name is not in the legend. */
  readonly name: string;
  readonly points: readonly Point[];
  /**
   * `faint` for what is measured, if a `strong` line sums it up; `dashed`, in grey, for what the others are held
   * against; `none` for points without a line. Default: strong.
   */
  readonly weight?: 'faint' | 'strong' | 'dashed' | 'none';
  /** Whether each point is a dot too, since a line through one point is invisible. Default: false. */
  readonly dots?: boolean;
}

/** A chart of lines. */
export interface LineChart {
  readonly series: readonly Series[];
  /** What stands beside the vertical axis. */
  readonly yTitle: string;
  /** What stands below the horizontal axis. Default: step. */
  readonly xTitle?: string;
  /** One line above the chart. Default: none. */
  readonly title?: string;
  /** Whether the vertical axis is logarithmic. Then all values are above 0. Default: false. */
  readonly logY?: boolean;
  /** Whether the horizontal axis is logarithmic. Then all its values are above 0. Default: false. */
  readonly logX?: boolean;
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
type Constant = string | number | number[];
type Channel = [name: string, constant: { value: Constant }];

/** A mark over all points of a series. */
function seriesMark(
  type: 'line' | 'symbol' | 'text',
  data: string,
  look: Readonly<Record<string, Constant>>,
): Mark {
  const fixed = Object.entries(look).map(([channel, value]): Channel => [channel, { value }]);
  const x = { scale: 'x', field: 'x' };
  const y = { scale: 'y', field: 'y' };
  const text = type === 'text' ? { text: { field: 'label' }, dy: { field: 'dy' } } : {};
  const enter = { ...Object.fromEntries(fixed), x, y, ...text };
  return { type, from: { data }, encode: { enter } };
}

/** The marks of a series in its colour: its line, its dots, its words. */
function seriesMarks(
  { weight = 'strong', dots = false, points }: Series,
  data: string,
  stroke: string,
): Mark[] {
  const marks: Mark[] = [];
  if (weight !== 'none') marks.push(seriesMark('line', data, { stroke, ...LINES[weight] }));
  if (dots)
    marks.push(seriesMark('symbol', data, { fill: stroke, size: weight === 'none' ? 70 : 30 }));
  if (points.some(({ label }) => label !== undefined)) {
    marks.push(seriesMark('text', data, { ...WORDS, fill: stroke }));
  }
  return marks;
}

/** How lines look. */
const LINES = {
  faint: { strokeWidth: 1, strokeOpacity: 0.3 },
  strong: { strokeWidth: 2.5, strokeJoin: 'round' },
  dashed: { strokeWidth: 1.5, strokeDash: [7, 4] },
};

/** How words beside points look. */
const WORDS = {
  font: PICTURE_FONT,
  fontSize: 12,
  align: 'left',
  baseline: 'bottom',
  dx: 6,
};

/** Pixels from a point up to its word, from one word down to the next, and across from one to another beside it. */
const [WORD_UP, WORD_GAP, WORD_REACH] = [3, 14, 44];

/** A point as it is drawn: with the distance from it down to its word, if it has one. */
interface DrawnPoint extends Point {
  readonly dy?: number;
}

/** The points of all series, with their words far enough from one another. */
function withWords(
  { series, logX = false, logY = false }: LineChart,
  across: readonly number[],
  domain: readonly number[],
  [width, height]: readonly [width: number, height: number],
): DrawnPoint[][] {
  const share = (value: number, [low, high]: readonly number[], isLog: boolean): number =>
    isLog ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
  const labelled = series.flatMap(({ points }) =>
    points.filter(({ label }) => label !== undefined),
  );
  const places = labelled.map(({ x, y }) => ({
    x: width * share(x, across, logX),
    y: height * (1 - share(y, domain, logY)),
  }));
  const moves = movesApart(places, WORD_GAP, WORD_REACH);
  const downTo = new Map(labelled.map((point, i) => [point, moves[i] - WORD_UP]));
  return series.map(({ points }) =>
    points.map((point) => {
      const dy = downTo.get(point);
      return dy === undefined ? point : { ...point, dy };
    }),
  );
}

/**
 * The values 1, 2 and 5 times a power of ten between two positive numbers; powers alone if these are many, and more
 * values if there is less than one power.
 */
function logTicks(low: number, high: number): number[] {
  const powers = Math.log10(high / low);
  const digits = powers > MANY_POWERS ? [1] : powers < 1 ? [1, 1.5, 2, 3, 4, 5, 7] : [1, 2, 5];
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
function chartSpec(chart: LineChart): Spec {
  const { series, yTitle, xTitle = 'step', title, size = [760, 400] } = chart;
  const { logY = false, logX = false } = chart;
  const points = series.flatMap((each) => each.points);
  const [lowest, highest] = extentOf(points.map(({ y }) => y));
  const domain = logY
    ? [lowest / 1.15, highest * 1.15]
    : [Math.min(0, lowest), Math.max(0, highest)];
  const [first, last] = extentOf(points.map(({ x }) => x));
  const across = logX ? [first / 1.15, last * 1.15] : [first, last];
  const names = [...new Set(series.map(({ name }) => name))];
  const isGrey = (name: string): boolean =>
    series.some((each) => each.name === name && each.weight === 'dashed');
  const coloured = names.filter((name) => !isGrey(name));
  const colours = coloursOf(coloured.length);
  const colourOf = (name: string): string =>
    isGrey(name) ? MUTED : colours[coloured.indexOf(name)];
  const marks = series.flatMap((each, i) => seriesMarks(each, `series${i}`, colourOf(each.name)));
  const shown = names.filter((name) => name !== '');
  const drawn = withWords(chart, across, domain, size);
  return {
    width: size[0],
    height: size[1],
    padding: 24,
    autosize: 'pad',
    ...(title === undefined ? {} : { title: { text: title, anchor: 'start', offset: 18 } }),
    data: drawn.map((values, i) => ({ name: `series${i}`, values })),
    scales: [
      { name: 'x', type: logX ? 'log' : 'linear', range: 'width', domain: across, zero: false },
      { name: 'y', type: logY ? 'log' : 'linear', range: 'height', domain, nice: !logY },
      {
        name: 'colour',
        type: 'ordinal',
        domain: shown,
        range: shown.map(colourOf),
      },
    ],
    axes: [
      {
        orient: 'bottom',
        scale: 'x',
        title: logX ? `${xTitle} (log scale)` : xTitle,
        ...(logX
          ? { format: '~g', values: logTicks(across[0], across[1]) }
          : { format: ',d', tickCount: 8, tickMinStep: 1 }),
      },
      {
        orient: 'left',
        scale: 'y',
        title: logY ? `${yTitle} (log scale)` : yTitle,
        // Of a linear axis the digits follow from the distance of its ticks, and '~g' would write 400 as 4e+2.
        ...(logY
          ? { format: '~g', values: logTicks(domain[0], domain[1]) }
          : { format: '~r', tickCount: 6 }),
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
  return renderSvg(await lineChartSvg(chart), 2);
}

/** The chart of {@link drawLineChart} as the text of an SVG file, whose background is transparent. */
export async function lineChartSvg(chart: LineChart): Promise<string> {
  const { View, parse } = await import('vega');
  const { expressionInterpreter } = await import('vega-interpreter');
  // Vega compiles the text of its expressions by default. Some engines are told to refuse that.
  const spec = parse(chartSpec(chart), undefined, { ast: true });
  const view = new View(spec, { renderer: 'none', expr: expressionInterpreter });
  try {
    return await view.toSVG();
  } finally {
    view.finalize();
  }
}
