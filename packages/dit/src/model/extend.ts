// A trained model with further conditions, which computes at first what it did before.

import { checkList, checkTensors, type Tensor } from '@tessera/tensor';
import { loadTensors, namedTensors } from '@tessera/autograd/nn';
import { checkFields } from '../config/argument-check.ts';
import type { ConditionConfig } from '../config/condition.ts';
import { checkConfig, DiT } from './dit.ts';

/**
 * A model with the weights of another and further conditions. Their weights start so that the new model
 * computes the same as the old one, bit for bit, whatever values they have.
 *
 * @param key Randomness of the new weights.
 * @throws FormatError if two conditions have one name.
 * @example
 * const digits = DiT.init({ ...zoo['DiT-S/8'], depth: 1, numClasses: 10 }, key(0));
 * const slanted = withConditions(
 *   digits,
 *   [{ kind: 'scalar', name: 'slant', range: [-1, 1], dropoutProb: 0.1 }],
 *   key(1),
 * );
 * const [t, label] = [tensor([999], { dtype: 'int32' }), tensor([7], { dtype: 'int32' })];
 * slanted.forward(zeros([1, 4, 32, 32]), t, { label, slant: tensor([0.3]) }); // float32[1, 8, 32, 32]
 */
export function withConditions(
  model: DiT,
  conditions: readonly ConditionConfig[],
  key: Tensor,
): DiT {
  checkFields('withConditions', 'model', model, ['config', 'forward'], 'Give a DiT.');
  checkList('withConditions', 'conditions', conditions, "[{ kind: 'scalar', name: 'slant', … }]");
  checkTensors('withConditions', { key });
  const config = {
    ...model.config,
    conditions: [...(model.config.conditions ?? []), ...conditions],
  };
  checkConfig('withConditions', config);
  const extended = DiT.init(config, key);
  const tensors = new Map([...namedTensors(extended), ...namedTensors(model)]);
  return loadTensors(extended, tensors);
}
