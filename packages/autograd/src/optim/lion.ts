// Lion: steps of fixed size in the direction of the momentum's sign.

import { checkOptions, ValueError, zeros, type Tensor } from '@tessera/tensor';
import {
  checkStep,
  stateOf,
  updateParameters,
  zerosByPath,
  type Optimizer,
  type PerParameter,
  type TensorsByPath,
} from './optimizer.ts';

/** Options of {@link lion}. */
export interface LionOptions {
  /**
   * β₁ is the share of the momentum m in the direction of a step; the gradient g has the rest. β₂ is the
   * share of m that stays after the step. Default [0.9, 0.99].
   */
  readonly betas?: readonly [number, number];
  /** λ, decoupled weight decay. Default 0. */
  readonly weightDecay?: number;
  /** Settings of single parameters. */
  readonly perParameter?: PerParameter;
}

/** State of {@link lion}. */
export interface LionState {
  /** int32 scalar: steps taken. */
  readonly step: Tensor;
  /** Moving average of the gradients. */
  readonly momentum: TensorsByPath;
}

/**
 * Steps of fixed size. Their direction is the sign of the momentum m mixed with the gradient g:
 *
 *     p ← p − lr · (sign(β₁·m + (1 − β₁)·g) + λ·p)
 *     m ← β₂·m + (1 − β₂)·g
 *
 * Every element of a parameter p moves by the learning rate (and by the weight decay). So choose a rate 3 to
 * 10 times smaller than for {@link adamw}.
 *
 * Source: Chen et al. 2023, "Symbolic discovery of optimization algorithms", algorithm 2.
 *
 * @throws ValueError unless both betas lie in [0, 1) and the weight decay is at least 0.
 * @example
 * const optimizer = lion({ weightDecay: 0.1 });
 * const params = { w: ones([2]) };
 * optimizer.update({ w: ones([2]) }, optimizer.init(params), params, { learningRate: 1e-4 });
 */
export function lion(options: LionOptions = {}): Optimizer<LionState> {
  checkOptions('lion', options, ['betas', 'weightDecay', 'perParameter']);
  const { betas: [beta1, beta2] = [0.9, 0.99], weightDecay = 0, perParameter } = options;
  if (![beta1, beta2].every((beta) => beta >= 0 && beta < 1) || !(weightDecay >= 0)) {
    throw new ValueError(
      'lion',
      `betas must lie in [0, 1) and weightDecay be at least 0, but got betas [${beta1}, ${beta2}], ` +
        `weightDecay ${weightDecay}.`,
    );
  }
  return {
    init: (params) => ({ step: zeros([], 'int32'), momentum: zerosByPath(params) }),
    update: (grads, state, params, stepOptions) => {
      checkStep('lion', state, ['step', 'momentum'], stepOptions);
      const { learningRate } = stepOptions;
      const momentum: Record<string, Tensor> = { ...state.momentum };
      const updated = updateParameters('lion', grads, params, ({ path, gradient, parameter }) => {
        const settings = perParameter?.(path, parameter) ?? {};
        const decay = settings.weightDecay ?? weightDecay;
        const m = stateOf('lion', state.momentum, path);
        const sign = signOf(m.mul(beta1).add(gradient.mul(1 - beta1)));
        momentum[path] = m.mul(beta2).add(gradient.mul(1 - beta2));
        const change = decay === 0 ? sign : sign.add(parameter.mul(decay));
        return parameter.sub(change.mul(settings.learningRateScale ?? 1).mul(learningRate));
      });
      return { params: updated, state: { step: state.step.add(1), momentum } };
    },
  };
}

/** The sign of each element: −1, 0 or 1. */
function signOf(x: Tensor): Tensor {
  return x.greater(0).cast('float32').sub(x.less(0).cast('float32'));
}
