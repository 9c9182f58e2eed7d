// RMSprop, plain, centered and with momentum.

import { checkOptions, ValueError, zeros, type Tensor } from '@tessera/tensor';
import {
  checkStep,
  rootOf,
  stateOf,
  updateParameters,
  zerosByPath,
  type Optimizer,
  type PerParameter,
  type TensorsByPath,
} from './optimizer.ts';

/** Options of {@link rmsprop}. */
export interface RmspropOptions {
  /** α, the decay rate of the moving averages. Default 0.99. */
  readonly alpha?: number;
  /** Added to the root of the average. Default 1e-8. */
  readonly eps?: number;
  /** μ, the share of the velocity that stays. Default 0: no velocity. */
  readonly momentum?: number;
  /** Whether to divide by the deviation of the gradient instead of its root mean square. Default false. */
  readonly centered?: boolean;
  /** λ, an L2 penalty: `g ← g + λ·p`. Default 0. */
  readonly weightDecay?: number;
  /** Settings of single parameters. */
  readonly perParameter?: PerParameter;
}

/** State of {@link rmsprop}. */
export interface RmspropState {
  /** int32 scalar: steps taken. */
  readonly step: Tensor;
  /** Moving average of the squared gradients. */
  readonly square: TensorsByPath;
  /** Moving average of the gradients; empty unless centered. */
  readonly mean: TensorsByPath;
  /** The velocity of each parameter; empty without momentum. */
  readonly velocity: TensorsByPath;
}

/**
 * Divides each gradient by a moving average of its size:
 *
 *     s ← α·s + (1 − α)·g²,  d = g / (√s + eps)
 *     p ← p − lr · d         (momentum: u ← μ·u + d, p ← p − lr · u)
 *
 * Centered: `m ← α·m + (1 − α)·g`, and `√(s − m²)` replaces `√s`; s − m² is at least 0, also after rounding.
 *
 * Source: Tieleman & Hinton 2012, "Lecture 6.5 — RMSProp", Coursera: Neural networks for machine
 * learning; centered: Graves 2013, "Generating sequences with recurrent neural networks", equations
 * 38 to 41, both in PyTorch's form.
 *
 * @throws ValueError unless `0 ≤ alpha < 1` and the other numbers are at least 0.
 * @example
 * const optimizer = rmsprop({ momentum: 0.9 });
 * const params = { w: ones([2]) };
 * optimizer.update({ w: ones([2]) }, optimizer.init(params), params, { learningRate: 0.01 });
 */
export function rmsprop(options: RmspropOptions = {}): Optimizer<RmspropState> {
  checkOptions('rmsprop', options, [
    'alpha',
    'eps',
    'momentum',
    'centered',
    'weightDecay',
    'perParameter',
  ]);
  const { alpha = 0.99, eps = 1e-8, momentum = 0, centered = false, weightDecay = 0 } = options;
  if (!(alpha >= 0 && alpha < 1) || ![eps, momentum, weightDecay].every((n) => n >= 0)) {
    throw new ValueError(
      'rmsprop',
      `alpha must lie in [0, 1), the others be at least 0, but got alpha ${alpha}, eps ${eps}, ` +
        `momentum ${momentum}, weightDecay ${weightDecay}.`,
    );
  }
  return {
    init: (params) => ({
      step: zeros([], 'int32'),
      square: zerosByPath(params),
      mean: centered ? zerosByPath(params) : {},
      velocity: momentum === 0 ? {} : zerosByPath(params),
    }),
    update: (grads, state, params, stepOptions) => {
      checkStep('rmsprop', state, ['step', 'square', 'mean', 'velocity'], stepOptions);
      const { learningRate } = stepOptions;
      const square: Record<string, Tensor> = { ...state.square };
      const mean: Record<string, Tensor> = { ...state.mean };
      const velocity: Record<string, Tensor> = { ...state.velocity };
      const step = state.step.add(1);
      const updated = updateParameters('rmsprop', grads, params, (each) => {
        const { path, gradient, parameter } = each;
        const settings = options.perParameter?.(path, parameter) ?? {};
        const decay = settings.weightDecay ?? weightDecay;
        const g = decay === 0 ? gradient : gradient.add(parameter.mul(decay));
        const average = (of: TensorsByPath, x: Tensor): Tensor =>
          stateOf('rmsprop', of, path)
            .mul(alpha)
            .add(x.mul(1 - alpha));
        let spread = (square[path] = average(state.square, g.square()));
        if (centered) {
          const m = (mean[path] = average(state.mean, g));
          spread = spread.sub(m.square());
        }
        let direction = g.div(rootOf(spread).add(eps));
        if (momentum !== 0) {
          direction = stateOf('rmsprop', state.velocity, path).mul(momentum).add(direction);
          velocity[path] = direction;
        }
        return parameter.sub(direction.mul(settings.learningRateScale ?? 1).mul(learningRate));
      });
      return { params: updated, state: { step, square, mean, velocity } };
    },
  };
}
