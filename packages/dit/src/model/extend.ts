// A trained model with further conditions or a decoder, which computes at first what it did before.

import { checkList, checkTensors, ValueError, type Tensor } from '@tessera/tensor';
import { loadTensors, namedTensors } from '@tessera/autograd/nn';
import { checkFields } from '../config/argument-check.ts';
import type { ConditionConfig } from '../config/condition.ts';
import { contextLength } from './conditions/conditions.ts';
import { checkConfig, DiT } from './dit.ts';

/**
 * A model with the weights of another and further conditions. Their weights start so that the new model
 * computes the same as the old one, bit for bit, whatever values they have. A model that reads a text takes no
 * further text: the tokens of both would share one softmax, whose weights are trained.
 *
 * @param key Randomness of the new weights.
 * @throws FormatError if two conditions have one name; ValueError for a text if the model reads one already.
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
  const heard = contextLength(model.conditions);
  if (heard > 0 && contextLength(extended.conditions) > heard) {
    const texts = conditions.filter(({ kind }) => kind === 'text').map(({ name }) => `'${name}'`);
    throw new ValueError(
      'withConditions',
      `the model has learned to attend to tokens of a text, and those of ${texts.join(', ')} would take a share of this attention. Add all texts at once, to a model without any.`,
    );
  }
  const tensors = new Map([...namedTensors(extended), ...namedTensors(model)]);
  return loadTensors(extended, tensors);
}

/**
 * A flow map with the weights of a flow model: its last blocks hear the time at which a step ends. Of a step without
 * length it gives the velocity of the flow model, bit for bit.
 *
 * Source: Lee et al. 2025, "Decoupled MeanFlow: turning flow models into flow maps for accelerated sampling".
 *
 * @param decoderDepth Number of these blocks, fewer than all.
 * @throws ValueError if no block is left for the time at which a step begins
 * @example
 * const flow = DiT.init({ ...zoo['DiT-S/8'], depth: 3, numClasses: 10, learnSigma: false }, key(0));
 * const map = withDecoder(flow, 1);
 * const [t, r, y] = [tensor([1000]), tensor([0]), tensor([7], { dtype: 'int32' })];
 * map.forward(zeros([1, 4, 32, 32]), t, y, { end: r }); // float32[1, 4, 32, 32]
 */
export function withDecoder(model: DiT, decoderDepth: number): DiT {
  checkFields('withDecoder', 'model', model, ['config', 'forward'], 'Give a DiT.');
  const config = { ...model.config, decoderDepth };
  checkConfig('withDecoder', config);
  return loadTensors(DiT.blank(config), new Map(namedTensors(model)));
}
