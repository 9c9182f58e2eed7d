// One training step as a pure function: loss, gradient, clipping, AdamW and moving average.

import { compile, split, type Compiled, type Tensor } from '@tessera/tensor';
import { valueAndGrad } from '@tessera/autograd';
import {
  adamw,
  clipByGlobalNorm,
  cosineSchedule,
  emaDecay,
  emaUpdate,
  type AdamState,
} from '@tessera/autograd/optim';
import type { OptimizerConfig } from '../config/config.ts';

/** Everything that changes while a model trains: one tree of tensors. */
export interface TrainState<M> {
  readonly model: M;
  /** Exponential moving average of the model, which is what a run keeps. */
  readonly average: M;
  readonly optimizer: AdamState;
  /** Randomness of the next step. */
  readonly key: Tensor;
}

/** What one step reports, scalars. */
export interface StepMetrics {
  readonly loss: Tensor;
  /** Global norm of the gradient before clipping. */
  readonly gradNorm: Tensor;
}

/** A loss of a model on a batch; `key` is its randomness. */
export type Loss<M, B> = (model: M, batch: B, key: Tensor) => Tensor;

/** One training step as a pure function of state and batch. */
export type TrainStep<M, B> = (state: TrainState<M>, batch: B) => [TrainState<M>, StepMetrics];

/**
 * The training step `(state, batch) → (state, metrics)`: loss and gradient, clipping, AdamW with the
 * scheduled learning rate, moving average.
 *
 * @example
 * const loss = (model: { w: Tensor }, x: Tensor) => model.w.mul(x).sub(1).square().mean();
 * const step = trainStep(loss, presetConfig('smoke').optimizer, 100);
 * const [next, { gradNorm }] = step(initialState({ w: zeros([2]) }, key(0)), ones([2]));
 * gradNorm; // 1.414: √2
 */
export function trainStep<M, B>(
  loss: Loss<M, B>,
  settings: OptimizerConfig,
  totalSteps: number,
): TrainStep<M, B> {
  const { betas, weightDecay, learningRate, finalLrFraction, warmupSteps } = settings;
  const optimizer = adamw({ betas, weightDecay });
  const schedule = cosineSchedule({
    peak: learningRate,
    floor: learningRate * finalLrFraction,
    warmupSteps: Math.min(warmupSteps, totalSteps - 1),
    totalSteps,
  });
  const lossAndGrad = valueAndGrad(loss);
  return (state, batch) => {
    const [key, lossKey] = split(state.key);
    const { value, grads } = lossAndGrad(state.model, batch, lossKey);
    const clipped = clipByGlobalNorm(grads, settings.clipNorm);
    const { step } = state.optimizer;
    const updated = optimizer.update(clipped.grads, state.optimizer, state.model, {
      learningRate: schedule(step),
    });
    const average = emaUpdate(state.average, updated.params, emaDecay(step, settings.emaDecay));
    return [
      { model: updated.params, average, optimizer: updated.state, key },
      { loss: value, gradNorm: clipped.norm },
    ];
  };
}

/**
 * {@link trainStep} as one plan a step, which writes the new state over the old one.
 *
 * @example
 * const loss = (model: { w: Tensor }, x: Tensor) => model.w.mul(x).sub(1).square().mean();
 * const step = compiledTrainStep(loss, presetConfig('smoke').optimizer, 100);
 * let state = initialState({ w: zeros([2]) }, key(0));
 * for (let i = 0; i < 50; i++) [state] = step(state, ones([2]));
 * state.optimizer.step; // 50
 */
export function compiledTrainStep<M, B>(
  loss: Loss<M, B>,
  settings: OptimizerConfig,
  totalSteps: number,
): Compiled<[TrainState<M>, B], [TrainState<M>, StepMetrics]> {
  return compile(trainStep(loss, settings, totalSteps), { donate: [0] });
}

/**
 * The state before the first step.
 *
 * @example
 * const { model, average } = initialState({ w: ones([2]) }, key(0));
 * average.w; // [1, 1]
 */
export function initialState<M>(model: M, key: Tensor): TrainState<M> {
  return { model, average: model, optimizer: adamw().init(model), key };
}
