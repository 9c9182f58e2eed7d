// The loss of a ControlNet's branch on a model whose own weights stay as they are.

import { withFields } from '@tessera/autograd/nn';
import { checkFunction, ValueError, type Tensor } from '@tessera/tensor';
import { checkFields } from '../../config/argument-check.ts';
import { ControlCondition } from '../../model/conditions/control.ts';
import type { DiT } from '../../model/dit.ts';
import type { Loss, LossParts, RememberingLoss } from '../step.ts';

/**
 * The branch of a model, to train it with {@link branchLoss}.
 *
 * @throws ValueError if the model has no branch of that name.
 * @example
 * const model = DiT.init({ ...zoo['DiT-S/8'], depth: 1, numClasses: 10 }, key(0));
 * const control = { name: 'depth', size: 256, channels: 1, blocks: 1, dropoutProb: 0 };
 * branchOf(withControl(model, control, key(1)), 'depth').outputs.length; // 1
 */
export function branchOf(model: DiT, name: string): ControlCondition {
  checkFields('branchOf', 'model', model, ['conditions', 'forward'], 'Give a DiT.');
  const { conditions } = model;
  const found = Object.hasOwn(conditions, name) ? conditions[name] : undefined;
  if (found instanceof ControlCondition) return found;
  throw new ValueError(
    'branchOf',
    `the model has no branch '${name}'. Make one with withControl(…).`,
  );
}

/**
 * The model with another branch in the place of its own.
 *
 * @throws ValueError if the model has no branch of that name.
 * @example
 * const model = DiT.init({ ...zoo['DiT-S/8'], depth: 1, numClasses: 10 }, key(0));
 * const control = { name: 'depth', size: 256, channels: 1, blocks: 1, dropoutProb: 0 };
 * const guided = withControl(model, control, key(1));
 * withBranch(guided, 'depth', branchOf(guided, 'depth')).config.depth; // 1
 */
export function withBranch(model: DiT, name: string, branch: ControlCondition): DiT {
  branchOf(model, name);
  checkFields('withBranch', 'branch', branch, ['blocks', 'outputs'], 'branchOf gives one.');
  return withFields(model, { conditions: { ...model.conditions, [name]: branch } });
}

/**
 * The loss of a branch, of a loss of the whole model. A training step of it sees the branch alone: the weights of
 * the model get neither gradients nor moments, neither weight decay nor an average, and keep their bits.
 *
 * @param loss As `diffusionLoss` or `rememberingLoss` gives it.
 * @throws ValueError if the model has no branch of that name.
 * @example
 * const config = presetConfig('smoke');
 * const control = { name: 'depth', size: 32, channels: 1, blocks: 2, dropoutProb: 0 };
 * const model = withControl(DiT.init(config.model, key(0)), control, key(1));
 * const posterior = { mean: zeros([2, 4, 8, 8]), logVariance: zeros([2, 4, 8, 8]) };
 * const labels = { label: tensor([3, 1], { dtype: 'int32' }), depth: zeros([2, 1, 32, 32]) };
 * const loss = branchLoss(diffusionLoss(config, 1), model, 'depth');
 * loss(branchOf(model, 'depth'), { posterior, labels }, key(2)); // float32[]
 */
export function branchLoss<B>(
  loss: Loss<DiT, B>,
  model: DiT,
  name: string,
): Loss<ControlCondition, B>;
export function branchLoss<B>(
  loss: Loss<DiT, B> | RememberingLoss<DiT, B>,
  model: DiT,
  name: string,
): Loss<ControlCondition, B> | RememberingLoss<ControlCondition, B>;
export function branchLoss<B>(
  loss: Loss<DiT, B> | RememberingLoss<DiT, B>,
  model: DiT,
  name: string,
): Loss<ControlCondition, B> | RememberingLoss<ControlCondition, B> {
  checkFunction('branchLoss', loss);
  branchOf(model, name);
  const whole = (branch: ControlCondition): DiT => withBranch(model, name, branch);
  const own = (branch: ControlCondition, ...rest: [B, Tensor]): Tensor =>
    (loss as Loss<DiT, B>)(whole(branch), ...rest);
  const { parts } = loss as Loss<DiT, B>;
  if (parts === undefined) return own;
  const ownParts: LossParts<ControlCondition, B> = {
    draw: (branch, ...rest) => parts.draw(whole(branch), ...rest),
    lossOf: (branch, drawn) => parts.lossOf(whole(branch), drawn),
  };
  return Object.assign(own, { parts: ownParts });
}
