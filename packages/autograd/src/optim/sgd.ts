// Stochastic gradient descent, optionally with momentum.

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

/** Options of {@link sgd}. */
export interface SgdOptions {
  /** μ, the share of the velocity that stays. Default 0: plain gradient descent. */
  readonly momentum?: number;
  /** τ, the share of the gradient that does not enter the velocity after the first step. Default 0. */
  readonly dampening?: number;
  /** Whether to look ahead along the velocity (Nesterov momentum). Default false. */
  readonly nesterov?: boolean;
  /** λ, an L2 penalty: `g ← g + λ·p`. Default 0. */
  readonly weightDecay?: number;
  /** Settings of single parameters. */
  readonly perParameter?: PerParameter;
}

/** State of {@link sgd}. */
export interface SgdState {
  /** int32 scalar: steps taken. */
  readonly step: Tensor;
  /** The velocity of each parameter; empty without momentum. */
  readonly velocity: TensorsByPath;
}

/**
 * Gradient descent, optionally with momentum:
 *
 *     u ← μ·u + (1 − τ)·g   (u ← g at the first step)
 *     p ← p − lr · u        (Nesterov: p − lr · (g + μ·u))
 *
 * Source: Sutskever et al. 2013, "On the importance of initialization and momentum in deep learning", section
 * 2, in PyTorch's form, where the velocity does not include the learning rate.
 *
 * @throws ValueError if a number is negative, or if `nesterov` is used without momentum.
 * @example
 * const optimizer = sgd();
 * const start = { w: tensor([1, 1]) };
 * const grads = { w: tensor([0.5, -2]) };
 * const { params } = optimizer.update(grads, optimizer.init(start), start, { learningRate: 0.1 });
 * params.w; // [0.95, 1.2]
 */
export function sgd(options: SgdOptions = {}): Optimizer<SgdState> {
  checkOptions('sgd', options, [
    'momentum',
    'dampening',
    'nesterov',
    'weightDecay',
    'perParameter',
  ]);
  const { momentum = 0, dampening = 0, nesterov = false, weightDecay = 0, perParameter } = options;
  if (![momentum, weightDecay, dampening].every((n) => n >= 0 && n < Infinity)) {
    throw new ValueError(
      'sgd',
      `momentum ${momentum}, dampening ${dampening} and weightDecay ${weightDecay} must be finite and at least 0.`,
    );
  }
  if (nesterov && (momentum === 0 || dampening !== 0)) {
    throw new ValueError(
      'sgd',
      `nesterov needs momentum above 0 and dampening 0, but got momentum ${momentum}, dampening ${dampening}.`,
    );
  }
  return {
    init: (params) => ({
      step: zeros([], 'int32'),
      velocity: momentum === 0 ? {} : zerosByPath(params),
    }),
    update: (grads, state, params, stepOptions) => {
      checkStep('sgd', state, ['step', 'velocity'], stepOptions);
      const { learningRate } = stepOptions;
      const velocity: Record<string, Tensor> = { ...state.velocity };
      const entering = dampening === 0 ? 1 : state.step.equal(0).where(1, 1 - dampening);
      const updated = updateParameters('sgd', grads, params, ({ path, gradient, parameter }) => {
        const settings = perParameter?.(path, parameter) ?? {};
        const decay = settings.weightDecay ?? weightDecay;
        const penalised = decay === 0 ? gradient : gradient.add(parameter.mul(decay));
        let direction = penalised;
        if (momentum !== 0) {
          const share = entering === 1 ? penalised : penalised.mul(entering);
          const u = stateOf('sgd', state.velocity, path).mul(momentum).add(share);
          velocity[path] = u;
          direction = nesterov ? penalised.add(u.mul(momentum)) : u;
        }
        return parameter.sub(direction.mul(settings.learningRateScale ?? 1).mul(learningRate));
      });
      return { params: updated, state: { step: state.step.add(1), velocity } };
    },
  };
}
