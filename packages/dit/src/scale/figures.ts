// The figures of a scaling study, with the axes of the paper's figures 5, 6, 8 and 9.

import { isWide, type LineChart, type Point, type Series } from '../pictures/line-chart.ts';
import { lawAt, type PowerLaw } from './fit.ts';
import { sizeName } from './grid.ts';
import {
  comparedModels,
  scaledModels,
  type CostLaw,
  type LookResult,
  type ModelResult,
  type ScaleResults,
} from './results.ts';

/** A figure and the name of its files. */
export interface Figure {
  readonly name: string;
  readonly title: string;
  readonly chart: LineChart;
}

/** The area between the axes, in units of half a pixel of the picture. */
const SIZE = [640, 400] as const;

/** The figures that the finished cells allow. */
export function figuresOf(results: ScaleResults): readonly Figure[] {
  const { plan, models, byGflops, byCompute } = results;
  const yTitle = `FCD of ${plan.samples.toLocaleString('en-US')} samples`;
  const compared = comparedModels(plan, models);
  const scaled = scaledModels(plan, models).toSorted((a, b) => a.patch - b.patch);
  const gflops = scaled.map(lastPoint);
  const figure = (
    name: string,
    title: string,
    series: readonly Series[],
    more: Partial<LineChart> = {},
  ): Figure[] => {
    if (series.length === 0) return [];
    const values = series.flatMap(({ points }) => points.map(({ y }) => y));
    return [{ name, title, chart: { series, yTitle, size: SIZE, logY: isWide(values), ...more } }];
  };
  const both = { logX: true, logY: true };
  return [
    ...figure(
      'designs',
      `Designs${compared.length === 0 ? '' : ` of ${sizeName(compared[0])}`}: FCD along the training`,
      compared.map((model) => lineOf(model, model.design, ({ step }) => step)),
    ),
    ...figure(
      'sizes',
      'Sizes and patches: FCD along the training',
      scaled.map((model) => labelledLine(model, ({ step }) => step)),
    ),
    ...figure(
      'gflops',
      `FCD after ${plan.config.steps.toLocaleString('en-US')} steps against the Gflops of the model${lawText(byGflops)}`,
      [
        ...scaled.map((model, i): Series => {
          const name = patchName(model.patch);
          return { name, weight: 'none', dots: true, points: [gflops[i]] };
        }),
        ...lawLine(byGflops?.law, gflops),
      ],
      { ...both, xTitle: 'Gflops of the model' },
    ),
    ...figure(
      'compute',
      `FCD against training compute${lawText(byCompute)}`,
      [
        ...scaled.map((model) => labelledLine(model, ({ compute }) => compute)),
        ...lawLine(byCompute?.law, costsOf(scaled)),
      ],
      { ...both, xTitle: 'training compute, Gflops' },
    ),
  ];
}

function patchName(patch: number): string {
  return `patch ${patch}`;
}

/** A model as a point after its last step, with the name of its size. */
function lastPoint(model: ModelResult): Point {
  const { fcd } = model.looks[model.looks.length - 1];
  return { x: model.gflops, y: fcd, label: `${model.width}×${model.depth}` };
}

/** The looks at a model as a line. */
function lineOf(model: ModelResult, name: string, costOf: (look: LookResult) => number): Series {
  const points = model.looks.map((look) => ({ x: costOf(look), y: look.fcd }));
  return { name, dots: true, points };
}

/** The looks at a model as a line in the colour of its patch, with the name of its size at the end. */
function labelledLine(model: ModelResult, costOf: (look: LookResult) => number): Series {
  const { name, points, ...line } = lineOf(model, patchName(model.patch), costOf);
  const last = points.length - 1;
  const label = `${model.width}×${model.depth}`;
  return {
    ...line,
    name,
    points: points.map((point, i) => (i === last ? { ...point, label } : point)),
  };
}

/** All looks at some models as points over training compute. */
function costsOf(models: readonly ModelResult[]): readonly Point[] {
  return models.flatMap(({ looks }) => looks.map(({ compute, fcd }) => ({ x: compute, y: fcd })));
}

/** The law as a line from the first point to the last. */
function lawLine(law: PowerLaw | undefined, points: readonly Point[]): Series[] {
  if (law === undefined) return [];
  const ends = extent(points).map((x) => ({ x, y: lawAt(law, x) }));
  return [{ name: 'power law', weight: 'dashed', points: ends }];
}

/** The smallest and the largest cost of some points. */
function extent(points: readonly Point[]): readonly number[] {
  const xs = points.map(({ x }) => x);
  return [Math.min(...xs), Math.max(...xs)];
}

/** The correlation and the exponent for a title. */
function lawText(found: CostLaw | undefined): string {
  if (found === undefined) return '';
  const { correlation, law } = found;
  return `: r = ${correlation.toFixed(2)}, exponent ${law.exponent.toFixed(2)}`;
}
