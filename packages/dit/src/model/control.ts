// A ControlNet on a trained model: a branch that starts as a copy of its blocks, and how loud it is.

import { loadTensors, namedTensors, withFields } from '@tessera/autograd/nn';
import { checkOptions, checkTensors, tree, ValueError, type Tensor } from '@tessera/tensor';
import { checkFields, checkFinite } from '../config/argument-check.ts';
import type { ControlConditionConfig } from '../config/condition.ts';
import { ControlCondition } from './conditions/control.ts';
import type { DiT } from './dit.ts';
import { withConditions } from './extend.ts';

/**
 * A model with the weights of another and a ControlNet: a branch of blocks that reads a map over the image. Its
 * blocks start as copies of the first `blocks` of the model, and what they give to it starts at zero. So the new
 * model computes the same as the old one, bit for bit, whatever the map.
 *
 * Train the branch alone with `branchLoss`; then the weights of the model stay as they are.
 *
 * Sources: Zhang et al. 2023, "Adding conditional control to text-to-image diffusion models"; Chen et al. 2024,
 * "PixArt-δ", section 5, for transformers.
 *
 * @param control Name of the map, its size and channels, the blocks of the branch, and how often training drops
 *   the map: `{ name, size, channels, blocks, dropoutProb }`.
 * @param key Randomness, for weights that are no copies. There are none yet.
 * @throws FormatError if a condition of the model has that name; ValueError if the branch has more blocks than the
 *   model, or the map does not fit the latents.
 * @example
 * const digits = DiT.init({ ...zoo['DiT-S/8'], depth: 2, numClasses: 10 }, key(0));
 * const control = { name: 'depth', size: 256, channels: 1, blocks: 1, dropoutProb: 0 };
 * const guided = withControl(digits, control, key(1));
 * const [t, label] = [tensor([999], { dtype: 'int32' }), tensor([7], { dtype: 'int32' })];
 * guided.forward(zeros([1, 4, 32, 32]), t, { label, depth: ones([1, 1, 256, 256]) }); // float32[1, 8, 32, 32]
 */
export function withControl(
  model: DiT,
  control: Omit<ControlConditionConfig, 'kind'>,
  key: Tensor,
): DiT {
  checkFields('withControl', 'model', model, ['config', 'forward'], 'Give a DiT.');
  const fields = ['name', 'size', 'channels', 'blocks', 'dropoutProb'] as const;
  checkOptions('withControl', control, fields);
  checkTensors('withControl', { key });
  const extended = withConditions(model, [{ ...control, kind: 'control' }], key);
  const copies = model.blocks
    .slice(0, control.blocks)
    .flatMap((block, i) =>
      [...namedTensors(block)].map(
        ([path, values]) => [`conditions.${control.name}.blocks.${i}.${path}`, values] as const,
      ),
    );
  return loadTensors(extended, new Map([...namedTensors(extended), ...copies]));
}

/**
 * A model whose branches count `scale` times as much: 1 is as trained, 0 is the model without them.
 *
 * @throws ValueError if the model has no branch.
 * @example
 * const digits = DiT.init({ ...zoo['DiT-S/8'], depth: 2, numClasses: 10 }, key(0));
 * const control = { name: 'depth', size: 256, channels: 1, blocks: 1, dropoutProb: 0 };
 * const softer = withControlScale(withControl(digits, control, key(1)), 0.8);
 * softer.config.conditions?.[0].name; // 'depth'
 */
export function withControlScale(model: DiT, scale: number): DiT {
  const op = 'withControlScale';
  checkFields(op, 'model', model, ['config', 'conditions'], 'Give a DiT.');
  checkFinite(op, 'scale', scale);
  const branches = Object.entries(model.conditions).filter(
    (entry): entry is [string, ControlCondition] => entry[1] instanceof ControlCondition,
  );
  if (branches.length === 0) {
    throw new ValueError(
      op,
      'the model has no branch whose scale could be set. Make one with withControl(…).',
    );
  }
  // The layers behind the branch are linear, so their weights take the scale.
  const scaled = branches.map(([name, branch]): [string, ControlCondition] => [
    name,
    withFields(branch, { outputs: tree.map((weights) => weights.mul(scale), branch.outputs) }),
  ]);
  return withFields(model, { conditions: { ...model.conditions, ...Object.fromEntries(scaled) } });
}
