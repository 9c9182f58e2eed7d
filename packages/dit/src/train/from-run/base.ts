// The trained run that another starts from: its weights, and the checks that they fit.

import { ValueError } from '@tessera/tensor';
import { lastBranch, type ConditionConfig } from '../../config/condition.ts';
import type { TrainConfig } from '../../config/config.ts';
import type { DiffusionConfig } from '../../config/diffusion-config.ts';
import type { ModelConfig } from '../../config/model-config.ts';
import { oddField } from '../../run/odd-field.ts';
import { readRun } from '../../sample/sample-run.ts';
import type { TrainedRun } from '../../sample/trained-run.ts';

/** What a training makes of the trained run that it starts from. */
type Purpose = 'flow map' | 'ControlNet' | 'model with further conditions';

function purposeOf({ diffusion, model }: TrainConfig): Purpose {
  if (diffusion.objective === 'mean-flow') return 'flow map';
  return lastBranch(model) === undefined ? 'model with further conditions' : 'ControlNet';
}

/**
 * Reads the run that the configuration of a training names as its start; `undefined` for one that starts anew.
 *
 * @throws ValueError if the run is not whole, or it is not the one that the configuration was made for
 */
export async function readBase(config: TrainConfig): Promise<TrainedRun | undefined> {
  const { from, diffusion, codec, autoencoder } = config;
  if (from === undefined) return undefined;
  const run = await readRun(from);
  const purpose = purposeOf(config);
  const { objective } = run.config.diffusion;
  if (purpose === 'flow map' && objective !== 'flow') {
    throw new ValueError(
      'train',
      `${from} was trained with the objective ${objective}, but a flow map follows a flow. Name a run that was trained with --objective flow.`,
    );
  }
  // A flow map has another objective than its flow.
  const processOf = (its: DiffusionConfig): Partial<DiffusionConfig> => ({
    timesteps: its.timesteps,
    ...(purpose !== 'flow map' && { objective: its.objective, schedule: its.schedule }),
  });
  const [startsAs, found] = modelsOf(config, run.config.model);
  const odd = oddField(
    { model: startsAs, codec, autoencoder, diffusion: processOf(diffusion) },
    {
      model: found,
      codec: run.config.codec,
      autoencoder: run.config.autoencoder,
      diffusion: processOf(run.config.diffusion),
    },
  );
  if (odd === undefined) return run;
  throw new ValueError(
    'train',
    `${from} has another ${odd} than the ${purpose} that is to start from it. Name the run again by --from, so that all settings are its own.`,
  );
}

/**
 * The model of the run that a training starts from and does not change: the teacher of a flow map, or the model below
 * a ControlNet; `undefined` for a run that needs none.
 */
export function baseModelOf({ diffusion, model }: TrainConfig): ModelConfig | undefined {
  if (diffusion.objective === 'mean-flow') {
    const { decoderDepth: _, ...flow } = model;
    return flow;
  }
  if (lastBranch(model) === undefined) return undefined;
  const { conditions = [], ...own } = model;
  return conditions.length === 1 ? own : { ...own, conditions: conditions.slice(0, -1) };
}

/** What must be the same in the model that a training starts as and in the model of the run. */
function modelsOf(config: TrainConfig, base: ModelConfig): [object, object] {
  const found = listed(base);
  const kept = baseModelOf(config);
  if (kept !== undefined) return [listed(kept), found];
  const own = listed(config.model);
  const startsAs = { ...own, conditions: own.conditions.slice(0, found.conditions.length) };
  return [withoutDropout(startsAs), withoutDropout(found)];
}

/** A model whose conditions are a list, which may be empty. */
type Listed = ModelConfig & { readonly conditions: readonly ConditionConfig[] };

function listed(model: ModelConfig): Listed {
  return { ...model, conditions: model.conditions ?? [] };
}

/** What decides the weights of a model: how often conditions are dropped does not, but whether there is a null class. */
function withoutDropout(model: Listed): object {
  const { jointDropoutProb: _joint, ...own } = model;
  const conditions = model.conditions.map((each) => ({ ...each, dropoutProb: 0 }));
  return { ...own, classDropoutProb: model.classDropoutProb > 0, conditions };
}
