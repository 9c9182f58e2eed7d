// The training step of a run as one function of its state and a batch.

import { toOnnx, type OnnxModel } from '@tessera/onnx';
import { key, ValueError } from '@tessera/tensor';
import { codecName } from '../../config/codec/codec-rules.ts';
import { LABEL } from '../../config/condition.ts';
import type { TrainConfig } from '../../config/config.ts';
import { DiT, latentShape } from '../../model/dit.ts';
import { readRunConfig } from '../../run/run-folder.ts';
import { readNewestState } from '../../run/state/state-folder.ts';
import { withHistory, type DiffusionBatch } from '../../train/diffusion-loss.ts';
import { readBase } from '../../train/from-run/base.ts';
import { withTrainee } from '../../train/stages/trainee.ts';
import { initialState, trainStep, type StepMetrics, type TrainState } from '../../train/step.ts';
import type { InputSpec } from './input-spec.ts';

/** A training step, and the file with the values that it begins with. */
export interface ExportedStep {
  readonly model: OnnxModel;
  /** A safetensors file. Its tensors are called `training.…` where the inputs are called `state.…`. */
  readonly state: string;
}

/**
 * Writes the training step of a run: `state` and `batch` to the `next` state and the `metrics` of the step. All random
 * numbers come from the key in the state.
 *
 * @param folder the folder of a run with a saved state
 * @throws ValueError if it has none; FormatError if the state is not one of this configuration
 */
export async function trainingStepModel(
  folder: string,
  onNotice: (text: string) => void,
): Promise<ExportedStep> {
  const config = await readRunConfig(folder);
  const saved = await readNewestState(folder, onNotice);
  const scale = saved?.config.latentScale ?? config.latentScale;
  if (saved?.stage !== 'diffusion' || scale === undefined) {
    const hint = 'Train it, and let it keep its states (--keep 1 or more).';
    throw new ValueError(
      'export',
      `${folder} has no saved state of its Diffusion Transformer. ${hint}`,
    );
  }
  const base = await readBase(config);
  const { optimizer, steps, accumulate = 1 } = config;
  const write = <M>(
    start: M,
    step: ReturnType<typeof trainStep<M, DiffusionBatch>>,
  ): Promise<OnnxModel> => {
    const blank = withHistory(initialState(start, key(0), optimizer), config);
    const training = ({
      state,
      batch,
    }: {
      state: TrainState<M>;
      batch: DiffusionBatch;
    }): StepResult<M> => {
      const [next, metrics] = step(state, batch);
      return { next, metrics };
    };
    return toOnnx(training as (args: object) => StepResult<M>, {
      state: saved.take('training', blank),
      batch: batchSpecs(config),
    });
  };
  const model = await withTrainee(config, scale, key(0), base?.model, ({ start, loss }) =>
    write(start, trainStep(loss, optimizer, steps, { accumulate })),
  );
  return { model, state: saved.path };
}

interface StepResult<M> {
  readonly next: TrainState<M>;
  readonly metrics: StepMetrics;
}

/** The inputs for one batch of a run. */
function batchSpecs(config: TrainConfig): object {
  const { model, batch } = config;
  const latent: InputSpec = { shape: latentShape(model, batch), dtype: 'float32' };
  const label: InputSpec = { shape: [batch], dtype: 'int32' };
  const { conditions } = DiT.blank(model);
  const others = Object.entries(conditions).map(([name, { values }]): [string, InputSpec] => [
    name,
    { shape: [batch, ...values.shape], dtype: values.dtype },
  ]);
  const isLabelled = others.length === 0 && model.numClasses > 0;
  return {
    posterior: {
      mean: latent,
      ...(codecName(config) === 'autoencoder' && { logVariance: latent }),
    },
    labels: isLabelled ? label : { ...Object.fromEntries(others), [LABEL]: label },
  };
}
