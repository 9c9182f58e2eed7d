// A trained model that is told more: which conditions are new, and the model that the training begins with.

import { loadTensors, namedTensors } from '@tessera/autograd/nn';
import type { Tensor } from '@tessera/tensor';
import type { ConditionConfig } from '../../config/condition.ts';
import type { ModelConfig } from '../../config/model-config.ts';
import { DiT } from '../../model/dit.ts';
import { withConditions } from '../../model/extend.ts';

/** The conditions of a model that the one it starts from does not have. They stand behind those that it has. */
export function addedConditions(
  { conditions = [] }: Pick<ModelConfig, 'conditions'>,
  { conditions: before = [] }: Pick<ModelConfig, 'conditions'>,
): readonly ConditionConfig[] {
  return conditions.slice(before.length);
}

/**
 * The model of a configuration with the weights of a trained one. It computes at first what that one does, bit for
 * bit, whatever it is told beside. How often conditions are dropped is up to the configuration.
 *
 * @param key Randomness of the new weights.
 */
export function extendedModel(config: ModelConfig, base: DiT, key: Tensor): DiT {
  const extended = withConditions(base, addedConditions(config, base.config), key);
  return loadTensors(DiT.blank(config), new Map(namedTensors(extended)));
}
