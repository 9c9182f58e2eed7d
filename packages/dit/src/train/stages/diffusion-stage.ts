// The second stage of a run: the Diffusion Transformer on latents, or a branch of one.

import { split, type Tensor } from '@tessera/tensor';
import type { Autoencoder } from '../../autoencoder/autoencoder.ts';
import type { LatentSource } from '../../codec/codec.ts';
import { batchOrder } from '../../data/batches.ts';
import type { ConditionTable } from '../../data/condition-values.ts';
import type { DiT } from '../../model/dit.ts';
import { previewFile } from '../../run/run-folder.ts';
import { PREVIEW_STEPS } from '../checks.ts';
import { withHistory, type DiffusionBatch } from '../diffusion-loss.ts';
import type { BestKeeper } from '../evaluation/best-keeper.ts';
import { compiledTrainStep, initialState, type TrainState } from '../step.ts';
import { runLogged, savesOf, startOf, type Run } from './run.ts';
import { READ_EVERY } from './stage.ts';
import { withTrainee, type Trainee } from './trainee.ts';

/** Number of sample grids, drawn at even distances while the DiT trains. The last one is `samples.png`. */
const PREVIEWS = 4;

/** Draws a grid of a model's samples into a file of the run. */
export type DrawSamples = (model: DiT, file: string, steps: number) => Promise<void>;

/** What the training of the Diffusion Transformer reads and draws. */
export interface DiffusionInputs {
  /** The autoencoder, if the run has one. */
  readonly autoencoder: Autoencoder | undefined;
  /** The model of the run that this one starts from. */
  readonly base: DiT | undefined;
  readonly latents: LatentSource;
  readonly table: ConditionTable;
  readonly drawSamples: DrawSamples;
  /** Scores models along the training, if they are to be scored. */
  readonly keeper: BestKeeper | undefined;
}

/**
 * Trains the Diffusion Transformer, or a branch of one, and gives the model with its moving averages, those of
 * `emaDecays` last.
 */
export function trainModel(
  run: Run,
  inputs: DiffusionInputs,
  random: Tensor,
): Promise<readonly [DiT, ...DiT[]]> {
  const { config } = run;
  const { base, latents } = inputs;
  const [initKey, stepKey] = split(random);
  return withTrainee(config, latents.scale, initKey, base, (trainee) =>
    runTrainee(run, trainee, inputs, stepKey),
  );
}

async function runTrainee<M>(
  run: Run,
  { start: untrained, loss, modelOf }: Trainee<M>,
  { autoencoder, latents, table, drawSamples, keeper }: DiffusionInputs,
  stepKey: Tensor,
): Promise<readonly [DiT, ...DiT[]]> {
  const { config, onStage, onProgress } = run;
  const { steps, batch, seed, optimizer } = config;
  const order = batchOrder({ count: latents.count, batch, seed });
  const { sampleEvery = Math.ceil(steps / PREVIEWS / READ_EVERY) * READ_EVERY } = config;
  // The first step takes over the memory of the key that it is given.
  const first = (): TrainState<M> =>
    withHistory(initialState(untrained, stepKey.add(0), optimizer), config);
  const start = startOf(run, 'diffusion', first());
  const saves = savesOf<M>(run, 'diffusion', autoencoder);
  onStage?.({ name: 'diffusion', totalSteps: steps, stepsBefore: start.stepsBefore });
  // The end of the stage before: from here on a run that is stopped has its autoencoder.
  if (start.stepsBefore === 0) await saves?.save(0, start.state);
  const state = await runLogged<M, DiffusionBatch>(run, 'DiT training loss', {
    ...start,
    name: 'diffusion',
    step: compiledTrainStep(loss, optimizer, steps, {
      accumulate: config.accumulate ?? 1,
      moduleNorms: true,
    }),
    first,
    indicesAt: (i) => order.indices(i),
    batchAt: (i) => {
      const indices = order.indices(i);
      return {
        posterior: latents.gather(indices),
        labels: table.values(indices, Math.floor(i / order.stepsPerEpoch)),
      };
    },
    batch,
    totalSteps: steps,
    logEvery: config.logEvery,
    onProgress,
    visits: [
      {
        every: sampleEvery,
        visit: (i, { average }) =>
          drawSamples(
            modelOf(average),
            previewFile(i),
            Math.min(PREVIEW_STEPS, config.sampling.steps),
          ),
      },
      ...(keeper === undefined
        ? []
        : [
            {
              every: keeper.every,
              visit: (i: number, { average }: TrainState<M>) => keeper.look(i, modelOf(average)),
            },
          ]),
    ],
    saves,
  });
  if (start.stepsBefore < steps) await saves?.save(steps, state);
  return [modelOf(state.average), ...(state.averages ?? []).map(modelOf)];
}
