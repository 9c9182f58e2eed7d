// A whole scaling study: plan, trainings, tables and figures, in a folder that can be filled in several goes.

import { join } from 'node:path';
import { lineChartSvg, drawLineChart } from '../pictures/line-chart.ts';
import { withBackend } from '../run/backends.ts';
import { writeFileAtomic } from '../run/atomic-file.ts';
import { toMarkdown } from '../report/markdown.ts';
import { macCount } from '../model/counts.ts';
import { shardOf, type Shard } from '../shard/shard.ts';
import type { TrainProgress } from '../train/options.ts';
import { trainCell } from './cell.ts';
import { documentOf } from './document.ts';
import { figuresOf } from './figures.ts';
import {
  checkAutoencoder,
  checkSameRecipe,
  finishedCells,
  isFinished,
  jsonText,
  readCell,
  readMarks,
  readPlan,
  SCALE_FILES,
  writePlan,
} from './folder.ts';
import {
  cellsOf,
  DEFAULT_GRID,
  gridOf,
  modelName,
  unitedCells,
  type Cell,
  type Grid,
} from './grid.ts';
import { loadDigits, openLaboratory, type Halves } from './laboratory.ts';
import { mergeStudies } from './merge.ts';
import {
  cellConfig,
  changedRecipe,
  parsePlan,
  planValue,
  recipeOf,
  type Plan,
  type RecipeChanges,
} from './recipe.ts';
import { resultsOf, type ScaleResults } from './results.ts';

/** The options of {@link scaleModels}. */
export interface ScaleOptions extends RecipeChanges {
  /** The folder of the study: new, or one that goes on. */
  readonly out: string;
  /** More models. What is left out is as in the folder, or as in {@link DEFAULT_GRID} in a new one. */
  readonly grid?: { readonly [Name in keyof Grid]?: Grid[Name] | undefined };
  /** Trains a part of the cells. Default: all of them. */
  readonly shard?: Shard;
  /** Folders whose finished cells are taken over. Then nothing is trained. */
  readonly merge?: readonly string[];
  /** The images. Default: MNIST. */
  readonly images?: Halves;
  /** Called before a training, the first being that of the autoencoder. */
  readonly onStage?: (name: string, totalSteps: number) => void;
  readonly onProgress?: (progress: TrainProgress) => void;
  readonly onNotice?: (text: string) => void;
}

/**
 * Trains one recipe over sizes, patch sizes and designs, on the latents of one autoencoder. Writes what it finds into a
 * folder: `results.json`, `report.md`, and each figure as PNG and SVG. Finished cells, and looks at others, are kept;
 * the next call goes on from there.
 *
 * Source: Peebles & Xie 2023, sections 4 and 5, figures 5, 6, 8 and 9.
 *
 * @throws ValueError if the folder holds something else, or cells of another recipe; FormatError if there is no such
 *   model. Nothing is written then.
 */
export async function scaleModels(options: ScaleOptions): Promise<ScaleResults> {
  const { out, merge = [] } = options;
  if (merge.length > 0) return finish(out, await mergeStudies(out, merge, byCost));
  const plan = await planOf(options);
  await writePlan(out, plan);
  await trainCells(plan, options);
  return finish(out, plan);
}

/** The plan of a call: that of the folder, with more cells if some are asked for. */
async function planOf({ out, grid = {}, ...changes }: ScaleOptions): Promise<Plan> {
  const old = await readPlan(out);
  const recipe = old === undefined ? recipeOf(changes) : changedRecipe(old, changes);
  const given = Object.fromEntries(Object.entries(grid).filter(([, value]) => value !== undefined));
  const before = old === undefined ? DEFAULT_GRID : gridOf(old.cells);
  const isGrown = old === undefined || Object.keys(given).length > 0;
  const asked = isGrown ? cellsOf({ ...before, ...given }) : [];
  const plan = { ...recipe, cells: unitedCells(old?.cells ?? [], asked) };
  for (const cell of plan.cells) cellConfig(plan, cell);
  if (old !== undefined) checkSameRecipe(old, out, plan, 'this call');
  await checkAutoencoder(out);
  // The fields in the order in which they are read back, so that the same plan has the same bytes.
  return parsePlan(planValue({ ...plan, cells: byCost(plan.cells) }), out);
}

/** Cells in the order of their work: seed by seed, the model of least cost first. */
function byCost(cells: readonly Cell[]): readonly Cell[] {
  const recipe = recipeOf();
  const costs = new Map<string, number>();
  const costOf = (cell: Cell): number => {
    const name = modelName(cell);
    const cost = costs.get(name) ?? macCount(cellConfig(recipe, cell).model);
    costs.set(name, cost);
    return cost;
  };
  return cells.toSorted((a, b) => a.seed - b.seed || costOf(a) - costOf(b));
}

/** Trains the cells of a shard that are not finished. */
async function trainCells(plan: Plan, options: ScaleOptions): Promise<void> {
  const { out, shard = { index: 1, count: 1 }, images } = options;
  const { onStage, onProgress = () => undefined, onNotice = () => undefined } = options;
  const open: Cell[] = [];
  for (const cell of shardOf(plan.cells, shard)) {
    if (!isFinished(await readCell(out, cell), plan)) open.push(cell);
  }
  if (open.length === 0) return;
  const { config } = plan;
  await withBackend(config.backend, async (notice) => {
    const halves = images ?? (await loadDigits());
    if (notice !== undefined) onNotice(notice);
    onStage?.('autoencoder', config.autoencoder.steps);
    const laboratory = await openLaboratory(out, plan, halves, onProgress);
    for (const [i, cell] of open.entries()) {
      onStage?.(`${modelName(cell)} (${i + 1} of ${open.length})`, config.steps);
      await trainCell(out, plan, cell, laboratory, { onProgress, onNotice });
    }
  });
}

/** Writes what the finished cells say. */
async function finish(out: string, plan: Plan): Promise<ScaleResults> {
  const results = resultsOf(plan, await finishedCells(out, plan), await readMarks(out));
  const figures = figuresOf(results);
  for (const { name, chart } of figures) {
    await writeFileAtomic(join(out, `${name}.png`), await drawLineChart(chart));
    await writeFileAtomic(join(out, `${name}.svg`), await lineChartSvg(chart));
  }
  const parts = documentOf(results, figures);
  const text = toMarkdown(parts, ({ source }) =>
    source.kind === 'file' ? source.path : source.name,
  );
  await writeFileAtomic(join(out, SCALE_FILES.report), text);
  await writeFileAtomic(join(out, SCALE_FILES.results), jsonText(resultsValue(results)));
  return results;
}

/** Results as the value of a JSON file. */
export function resultsValue({ plan, ...found }: ScaleResults): unknown {
  return { plan: planValue(plan), ...found };
}
