// The trained run that another starts from: its weights, and the checks that they fit.

import { ValueError } from '@tessera/tensor';
import type { ConditionConfig } from '../../config/condition.ts';
import type { TrainConfig } from '../../config/config.ts';
import type { DiffusionConfig } from '../../config/diffusion-config.ts';
import type { ModelConfig } from '../../config/model-config.ts';
import { oddField } from '../../run/odd-field.ts';
import { readRun } from '../../sample/sample-run.ts';
import type { TrainedRun } from '../../sample/trained-run.ts';

/**
 * Reads the run that the configuration of a flow map or of a ControlNet names; `undefined` for any other
 * configuration.
 *
 * @throws ValueError if the run is not whole, or it is not the one that the configuration was made for
 */
export async function readBase(config: TrainConfig): Promise<TrainedRun | undefined> {
  const { from, diffusion, model, codec, autoencoder } = config;
  if (from === undefined) return undefined;
  const run = await readRun(from);
  const isMap = diffusion.objective === 'mean-flow';
  const { objective } = run.config.diffusion;
  if (isMap && objective !== 'flow') {
    throw new ValueError(
      'train',
      `${from} was trained with the objective ${objective}, but a flow map follows a flow. Name a run that was trained with --objective flow.`,
    );
  }
  // A flow map has another objective than its flow.
  const processOf = (its: DiffusionConfig): Partial<DiffusionConfig> => ({
    timesteps: its.timesteps,
    ...(!isMap && { objective: its.objective, schedule: its.schedule }),
  });
  const { conditions: before = [], ...itsModel } = run.config.model;
  const expected = {
    model: isMap ? withoutDecoder(model) : withoutBranch(model),
    codec,
    autoencoder,
    diffusion: processOf(diffusion),
  };
  const found = {
    model: { ...itsModel, conditions: before },
    codec: run.config.codec,
    autoencoder: run.config.autoencoder,
    diffusion: processOf(run.config.diffusion),
  };
  const odd = oddField(expected, found);
  if (odd === undefined) return run;
  throw new ValueError(
    'train',
    `${from} has another ${odd} than the ${isMap ? 'flow map' : 'ControlNet'} that is to start from it. Name the run again by --from, so that all settings are its own.`,
  );
}

/** A model whose conditions are a list, which may be empty. */
type Listed = ModelConfig & { readonly conditions: readonly ConditionConfig[] };

/** The model of the flow that a flow map follows. */
function withoutDecoder(model: ModelConfig): Listed {
  const { decoderDepth: _, conditions = [], ...flow } = model;
  return { ...flow, conditions };
}

/** The model that the last branch is trained on. */
function withoutBranch({ conditions = [], ...trunk }: ModelConfig): Listed {
  return { ...trunk, conditions: conditions.slice(0, -1) };
}
