// What a scaling study has found: the scores of each model along its training, and laws over their costs.

import type { Design } from '../config/choices.ts';
import { macCount, parameterCount } from '../model/counts.ts';
import { patchGrid } from '../model/dit.ts';
import {
  deviation,
  logCostCorrelation,
  mean,
  powerLaw,
  type CostPoint,
  type PowerLaw,
} from './fit.ts';
import type { CellRecord, Marks } from './folder.ts';
import { cellName, mainDesignOf, modelName, type Cell } from './grid.ts';
import { cellConfig, type Plan } from './recipe.ts';

/** The scores of a model after some steps: means over the seeds. */
export interface LookResult {
  readonly step: number;
  /** 10⁹ multiply-adds of the training so far, as the paper counts them: forward pass × batch × steps × 3. */
  readonly compute: number;
  readonly fcd: number;
  /** The standard deviation over the seeds; absent for one seed. */
  readonly fcdDeviation?: number;
  /** Share of the samples that are read as the class that was asked for. */
  readonly accuracy: number;
  readonly precision: number;
  readonly recall: number;
}

/** What is found of a model. */
export interface ModelResult extends Omit<Cell, 'seed'> {
  readonly name: string;
  /** Patches of one latent. */
  readonly tokens: number;
  /** Trained values. */
  readonly params: number;
  /** 10⁹ multiply-adds of a forward pass for one latent, which the paper calls Gflops. */
  readonly gflops: number;
  /** Number of trainings. */
  readonly seeds: number;
  readonly looks: readonly LookResult[];
}

/** How quality goes with a cost. */
export interface CostLaw {
  /** Pearson's correlation of log cost and FCD. */
  readonly correlation: number;
  /** FCD as a power of the cost. */
  readonly law: PowerLaw;
}

/** What a study has found. */
export interface ScaleResults {
  readonly plan: Plan;
  /** Absent before the first training. */
  readonly marks?: Marks;
  /** The finished cells. */
  readonly cells: readonly CellRecord[];
  /** The names of the others. */
  readonly missing: readonly string[];
  /** The models that have a finished cell, those of least cost first. */
  readonly models: readonly ModelResult[];
  /** Over the models of all sizes after their last step, by their Gflops; absent for fewer than three. */
  readonly byGflops?: CostLaw;
  /** Over all looks at these models, by training compute; absent for fewer than three. */
  readonly byCompute?: CostLaw;
}

/** How much more a step costs than a forward pass: the backward pass takes about two of them. */
const STEP_PASSES = 3;

/**
 * 10⁹ multiply-adds of a training: forward pass × batch × steps × 3.
 *
 * Source: Peebles & Xie 2023, section 5, "Larger DiT models are more compute-efficient".
 */
function trainingCompute(gflops: number, batch: number, steps: number): number {
  return gflops * batch * steps * STEP_PASSES;
}

/** Puts the finished cells of a study together. */
export function resultsOf(
  plan: Plan,
  cells: readonly CellRecord[],
  marks: Marks | undefined,
): ScaleResults {
  const finished = new Set(cells.map(({ cell }) => cellName(cell)));
  const names = [...new Set(cells.map(({ cell }) => modelName(cell)))];
  const models = names.map((name) =>
    modelResult(
      plan,
      name,
      cells.filter(({ cell }) => modelName(cell) === name),
    ),
  );
  const main = scaledModels(plan, models);
  const byGflops = costLaw(
    main.map(({ gflops, looks }) => ({ cost: gflops, value: looks[looks.length - 1].fcd })),
  );
  const byCompute = costLaw(
    main.flatMap(({ looks }) => looks.map(({ compute, fcd }) => ({ cost: compute, value: fcd }))),
  );
  return {
    plan,
    ...(marks !== undefined && { marks }),
    cells,
    missing: plan.cells.map(cellName).filter((name) => !finished.has(name)),
    models,
    ...(byGflops !== undefined && { byGflops }),
    ...(byCompute !== undefined && { byCompute }),
  };
}

/** The models of all sizes: those of the one design that has them. */
export function scaledModels(plan: Plan, models: readonly ModelResult[]): readonly ModelResult[] {
  const main: Design | undefined = mainDesignOf(plan.cells);
  return models.filter(({ design }) => design === main);
}

/** The models of all designs, at the size at which they are compared; none if there is one design. */
export function comparedModels(plan: Plan, models: readonly ModelResult[]): readonly ModelResult[] {
  const main = mainDesignOf(plan.cells);
  const others = models.filter(({ design }) => design !== main);
  return models.filter((model) =>
    others.some(
      ({ width, depth, patch }) =>
        width === model.width && depth === model.depth && patch === model.patch,
    ),
  );
}

function modelResult(plan: Plan, name: string, cells: readonly CellRecord[]): ModelResult {
  const [first] = cells;
  const { design, width, depth, patch } = first.cell;
  const { model } = cellConfig(plan, first.cell);
  const [rows, columns] = patchGrid(model);
  const gflops = macCount(model) / 1e9;
  const results = first.looks.map(({ step }, i): LookResult => {
    const of = (field: 'fcd' | 'accuracy' | 'precision' | 'recall'): number[] =>
      cells.map(({ looks }) => looks[i][field] ?? NaN);
    return {
      step,
      compute: trainingCompute(gflops, plan.config.batch, step),
      fcd: mean(of('fcd')),
      ...(cells.length > 1 && { fcdDeviation: deviation(of('fcd')) }),
      accuracy: mean(of('accuracy')),
      precision: mean(of('precision')),
      recall: mean(of('recall')),
    };
  });
  return {
    name,
    design,
    width,
    depth,
    patch,
    tokens: rows * columns,
    params: parameterCount(model),
    gflops,
    seeds: cells.length,
    looks: results,
  };
}

/** The law through points; none through fewer than three, or through costs that are all the same. */
function costLaw(points: readonly CostPoint[]): CostLaw | undefined {
  if (new Set(points.map(({ cost }) => cost)).size < 3) return undefined;
  return { correlation: logCostCorrelation(points), law: powerLaw(points) };
}
