// One training of a scaling study, with looks at its quality on the way. It can be stopped and gone on with.

import { existsSync } from 'node:fs';
import { FormatError, key } from '@tessera/tensor';
import { readWeights } from '../run/checkpoint.ts';
import { writeFileAtomic } from '../run/atomic-file.ts';
import { problemOf } from '../run/file-error.ts';
import type { EvaluationRow } from '../run/evaluation-log.ts';
import { decodeState, encodeState } from '../run/state/state-file.ts';
import { Generator } from '../sample/generator.ts';
import type { DiT } from '../model/dit.ts';
import type { TrainProgress } from '../train/options.ts';
import { latentTraining } from '../train/latents/latent-training.ts';
import { runStage } from '../train/stages/stage.ts';
import type { TrainState } from '../train/step.ts';
import { cellStatePath, readCell, removeState, writeCell } from './folder.ts';
import type { Cell } from './grid.ts';
import type { Laboratory } from './laboratory.ts';
import { cellConfig, lookEvery, type Recipe } from './recipe.ts';

/** Who hears of a training. */
export interface CellListener {
  readonly onProgress: (progress: TrainProgress) => void;
  readonly onNotice: (text: string) => void;
}

/** The name of the training in a saved state. */
const TRAINING = 'training';

/**
 * Trains a cell to its end, from its last look on if it was stopped: with the same bits as without a stop. Each look
 * is written into the file of the cell, then the state after it.
 */
export async function trainCell(
  folder: string,
  recipe: Recipe,
  cell: Cell,
  laboratory: Laboratory,
  { onProgress, onNotice }: CellListener,
): Promise<void> {
  const { latents, labels, autoencoder, judge } = laboratory;
  const config = { ...cellConfig(recipe, cell), latentScale: latents.scale };
  const { start, step, batchAt } = latentTraining(config, { latents, labels });
  const generator = new Generator(config, { autoencoder, latentScale: latents.scale });
  const path = cellStatePath(folder, cell);
  const { state, stepsBefore } = await startOf(path, start, onNotice);
  const before = (await readCell(folder, cell))?.looks ?? [];
  const looks: EvaluationRow[] = before.filter((look) => look.step <= stepsBefore);
  const look = async (i: number, model: DiT): Promise<void> => {
    const scores = await judge((asked) =>
      generator.generate(model, { ...config.sampling, ...asked, key: key(cell.seed) }),
    );
    looks.push({ step: i, ...scores });
    await writeCell(folder, { cell, looks });
  };
  const every = lookEvery(recipe);
  const { average } = await runStage({
    name: 'diffusion',
    step,
    state,
    stepsBefore,
    batchAt,
    batch: config.batch,
    totalSteps: config.steps,
    onRows: () => Promise.resolve(),
    onProgress,
    visits: [{ every, visit: (i, reached: TrainState<DiT>) => look(i, reached.average) }],
    saves: {
      isDue: (i) => i % every === 0,
      save: async (i, reached) => {
        const place = {
          stage: 'diffusion',
          step: i,
          log: 0,
          config,
          sources: { data: '' },
        } as const;
        await writeFileAtomic(path, await encodeState(place, { [TRAINING]: reached }));
      },
    },
  });
  await look(config.steps, average);
  await removeState(folder, cell);
}

/** The state of a training that was stopped, or that before its first step. A damaged one is told of. */
async function startOf(
  path: string,
  start: () => TrainState<DiT>,
  onNotice: (text: string) => void,
): Promise<{ readonly state: TrainState<DiT>; readonly stepsBefore: number }> {
  if (!existsSync(path)) return { state: start(), stepsBefore: 0 };
  try {
    const saved = decodeState(await readWeights(path), path);
    return { state: saved.take(TRAINING, start()), stepsBefore: saved.step };
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    onNotice(`${problemOf(error)} The model is trained anew.`);
    return { state: start(), stepsBefore: 0 };
  }
}
