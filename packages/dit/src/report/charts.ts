// The charts of a report: what is drawn of the log of a run, beside that of another.

import { tensor } from '@tessera/tensor';
import type { TrainStage } from '../config/choices.ts';
import type { TrainConfig } from '../config/config.ts';
import { isWide, type LineChart, type Point, type Series } from '../pictures/line-chart.ts';
import { smoothSeries } from '../pictures/loss-curve.ts';
import type { LogRow } from '../run/log.ts';
import { learningRateOf, plainOptimizer } from '../train/optimizer.ts';
import { updateRatio } from './findings.ts';
import { stagesOf, type RunRecord } from './run-record.ts';

/** A chart and the name of its file. */
export interface NamedChart {
  readonly name: string;
  readonly title: string;
  readonly chart: LineChart;
}

/** Most points of a line: two for each pixel that the chart is wide. */
const MOST_POINTS = 1500;

/** The area between the axes, in units of half a pixel of the picture. */
const SIZE = [640, 260] as const;

/** The rows of a stage in one run. */
interface StageRows {
  /** What the legend calls the run; empty if there is no other. */
  readonly run: string;
  readonly config: TrainConfig;
  readonly rows: readonly LogRow[];
}

/** The charts of a stage, in which the other run is a line of its own. */
export function chartsOf(
  stage: TrainStage,
  own: RunRecord,
  other: RunRecord | undefined,
): readonly NamedChart[] {
  const records = other === undefined ? [own] : [own, other];
  const runs = records.flatMap((record): StageRows[] => {
    const rows = stagesOf(record).find((each) => each.stage === stage)?.rows;
    const run = other === undefined ? '' : record.folder;
    return rows === undefined ? [] : [{ run, config: record.config, rows }];
  });
  const smooth = (field: 'loss' | 'gradNorm'): Series[] =>
    runs.flatMap(({ run, rows }) =>
      smoothed(
        run,
        pointsOf(rows, (row) => row[field]),
      ),
    );
  const plain = (value: (row: LogRow, i: number, all: StageRows) => number | undefined): Series[] =>
    runs.map((all) => ({
      name: all.run,
      points: pointsOf(all.rows, (row, i) => value(row, i, all)),
    }));
  const rates = new Map(runs.map((all) => [all, learningRates(stage, all)]));
  const charts: readonly (readonly [name: string, title: string, yTitle: string, Series[]])[] = [
    ['loss', 'Loss', 'loss', smooth('loss')],
    ['gradient', 'Norm of the gradient, before clipping', 'norm', smooth('gradNorm')],
    ['rate', 'Learning rate', 'learning rate', plain((_, i, all) => rates.get(all)?.[i])],
    ['speed', 'Throughput', 'images a second', plain((row) => row.imagesPerSecond)],
    ['memory', 'Memory of the process', 'MiB', plain(({ memory }) => memory && memory / 2 ** 20)],
    [
      'module-gradients',
      'Norm of the gradient by module',
      'norm',
      byModule(own, stage, (norms) => norms.gradNorm),
    ],
    ['module-updates', 'Update by weights, by module', 'share', byModule(own, stage, updateRatio)],
  ];
  return charts.flatMap(([name, title, yTitle, series]): NamedChart[] => {
    const drawn = series.filter(({ points }) => points.length > 0);
    if (drawn.length === 0) return [];
    const values = drawn.flatMap(({ points }) => points.map(({ y }) => y));
    const chart = { series: drawn, yTitle, size: SIZE, logY: isWide(values) };
    return [{ name: `${stage}-${name}`, title, chart }];
  });
}

/** The points of a stage, without those that have no finite value. */
function pointsOf(
  rows: readonly LogRow[],
  value: (row: LogRow, i: number) => number | undefined,
): Point[] {
  return rows.flatMap((row, i): Point[] => {
    const found = value(row, i);
    return found !== undefined && Number.isFinite(found) ? [{ x: row.step, y: found }] : [];
  });
}

/** A faint line of what was measured, and a strong one of its moving mean. */
function smoothed(name: string, points: readonly Point[]): Series[] {
  const means = smoothSeries(points.map(({ y }) => y));
  const strong = points.map(({ x }, i) => ({ x, y: means[i] }));
  return [
    { name, weight: 'faint', points: thinned(points) },
    { name, points: thinned(strong) },
  ];
}

/** Fewer points that look the same: the smallest and the largest of each stretch. */
export function thinned(points: readonly Point[]): readonly Point[] {
  const stretch = Math.ceil((2 * points.length) / MOST_POINTS);
  if (stretch <= 2) return points;
  const kept: Point[] = [];
  for (let at = 0; at < points.length; at += stretch) {
    const part = points.slice(at, at + stretch);
    const low = part.reduce((a, b) => (b.y < a.y ? b : a));
    const high = part.reduce((a, b) => (b.y > a.y ? b : a));
    kept.push(...(low.x < high.x ? [low, high] : low === high ? [low] : [high, low]));
  }
  return kept;
}

/** The learning rate of the step of each row. */
function learningRates(stage: TrainStage, { config, rows }: StageRows): readonly number[] {
  const { autoencoder, optimizer, steps } = config;
  const schedule =
    stage === 'autoencoder' && autoencoder !== undefined
      ? learningRateOf(
          { ...plainOptimizer(optimizer), learningRate: autoencoder.learningRate },
          autoencoder.steps,
        )
      : learningRateOf(optimizer, steps);
  // The first step has the number 0.
  const numbers = rows.map(({ step }) => step - 1);
  return [...schedule(tensor(numbers, { dtype: 'int32' })).dataSync()];
}

/** A line for each module. A value of 0 has no place on a logarithmic axis, and is left out. */
function byModule(
  record: RunRecord,
  stage: TrainStage,
  value: (norms: NonNullable<LogRow['modules']>[string]) => number,
): Series[] {
  const rows = record.rows.filter((row) => row.stage === stage && row.modules !== undefined);
  const names = Object.keys(rows.at(-1)?.modules ?? {});
  return names.map((name) => ({
    name,
    points: pointsOf(rows, ({ modules }) => {
      const norms = modules?.[name];
      const found = norms === undefined ? NaN : value(norms);
      return found > 0 ? found : NaN;
    }),
  }));
}
