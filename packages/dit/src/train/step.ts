// One training step as a pure function: loss, gradient, clipping, AdamW and moving average.

import {
  checkFunction,
  checkOptions,
  checkTensors,
  compile,
  kindOf,
  split,
  ValueError,
  type Compiled,
  type Tensor,
} from '@tessera/tensor';
import { recomputeAtPeak } from '@tessera/tensor/extend';
import { accumulated } from './accumulate.ts';
import { valueAndGrad } from '@tessera/autograd';
import { adamw, clipByGlobalNorm, emaDecay, emaUpdate } from '@tessera/autograd/optim';
import { checkFields, checkFinite, checkFlag, checkWhole } from '../config/argument-check.ts';
import type { OptimizerConfig } from '../config/optimizer-config.ts';
import { learningRateOf, optimizerOf, type OptimizerState } from './optimizer.ts';
import type { LossHistory } from '../diffusion/objective/loss-history.ts';
import { gradientNorms } from './watch/module-norms.ts';

/** Everything that changes while a model trains: one tree of tensors. */
export interface TrainState<M> {
  readonly model: M;
  /** Exponential moving average of the model. A run keeps this one. */
  readonly average: M;
  /** Further averages, one for each of the settings' `emaDecays`; absent without them. */
  readonly averages?: readonly M[];
  readonly optimizer: OptimizerState;
  /** Randomness of the next step. */
  readonly key: Tensor;
  /** What the loss remembers from step to step; absent if it remembers nothing. */
  readonly history?: LossHistory;
}

/** The numbers that one step reports, as scalar tensors. */
export interface StepMetrics {
  readonly loss: Tensor;
  /** Global norm of the gradient before clipping. */
  readonly gradNorm: Tensor;
  /** The norm of the gradient of each part of the model, `[parts]`, if {@link StepOptions} asks for it. */
  readonly moduleNorms?: Tensor;
}

/** A loss of a model on a batch: a mean over the batch. All randomness comes from `key`. */
export interface Loss<M, B> {
  (model: M, batch: B, key: Tensor): Tensor;
  /**
   * The same loss in two steps, see {@link lossOfDraws}. Micro-batches then share the draws of the whole batch.
   */
  readonly parts?: LossParts<M, B>;
}

/** A loss in two steps: what is drawn for a batch, and the loss of that. */
export interface LossParts<M, B, D = unknown> {
  /** Draws all random numbers. Gives a tree of tensors whose first axis is the batch. */
  readonly draw: (model: M, batch: B, key: Tensor) => D;
  /** The loss of what was drawn, or of some of its rows. */
  readonly lossOf: (model: M, drawn: D) => Tensor;
}

/**
 * A loss whose random numbers are drawn first, for the whole batch. So they do not depend on how a training
 * step cuts the batch into micro-batches.
 *
 * @example
 * const loss = lossOfDraws({
 *   draw: (_model: { w: Tensor }, x: Tensor, random) => ({ x, noise: normal(random, x.shape) }),
 *   lossOf: ({ w }, { x, noise }) => x.mul(w).sub(noise).square().mean(),
 * });
 * loss({ w: ones([3]) }, zeros([2, 3]), key(0)); // float32[]
 */
export function lossOfDraws<M, B, D>(parts: LossParts<M, B, D>): Loss<M, B> {
  checkOptions('lossOfDraws', parts, ['draw', 'lossOf']);
  const { draw, lossOf } = parts;
  checkFunction('lossOfDraws', draw);
  checkFunction('lossOfDraws', lossOf);
  const loss = (model: M, batch: B, key: Tensor): Tensor => lossOf(model, draw(model, batch, key));
  return Object.assign(loss, { parts: parts as LossParts<M, B> });
}

/** Options of {@link trainStep}. */
export interface StepOptions {
  /**
   * Micro-batches of a step, n. The batch is cut along its first axis, and the losses and gradients of the parts are
   * averaged. So the step is the same up to rounding, and needs about 1/n of the memory for what lies between the
   * passes. Must divide the batch. Default 1.
   */
  readonly accumulate?: number;
  /** Whether the metrics hold the norm of the gradient of each part of the model. Default false. */
  readonly moduleNorms?: boolean;
}

/** A loss that also remembers the losses of timesteps. The history goes in and comes out. */
export type RememberingLoss<M, B> = (
  model: M,
  batch: B,
  key: Tensor,
  history: LossHistory,
) => readonly [loss: Tensor, history: LossHistory];

/** One training step as a pure function of state and batch. */
export type TrainStep<M, B> = (state: TrainState<M>, batch: B) => [TrainState<M>, StepMetrics];

/**
 * Makes the training step `(state, batch) → (state, metrics)`: loss and gradient, clipping, AdamW or Muon at the
 * scheduled learning rate, moving averages.
 *
 * With `accumulate` all random numbers are those of the whole batch, if the loss was made by {@link lossOfDraws},
 * as `diffusionLoss` is. Any other loss draws anew for each micro-batch, from `foldIn(key, i)`.
 *
 * @param loss A {@link RememberingLoss} goes with states that have a history: `{ ...state, history }`.
 * @param totalSteps the length of the training, for the schedule
 * @throws ValueError from the step if `accumulate` does not divide the batch
 *
 * @example
 * const loss = (model: { w: Tensor }, x: Tensor) => model.w.mul(x).sub(1).square().mean();
 * const step = trainStep(loss, presetConfig('smoke').optimizer, 100);
 * const [next, { gradNorm }] = step(initialState({ w: zeros([2]) }, key(0)), ones([2]));
 * gradNorm; // 1.414: √2
 */
export function trainStep<M, B>(
  loss: Loss<M, B> | RememberingLoss<M, B>,
  settings: OptimizerConfig,
  totalSteps: number,
  options: StepOptions = {},
): TrainStep<M, B> {
  checkSettings('trainStep', loss, settings, totalSteps);
  checkOptions('trainStep', options, ['accumulate', 'moduleNorms']);
  const { accumulate = 1, moduleNorms = false } = options;
  checkFlag('trainStep', 'moduleNorms', moduleNorms);
  checkWhole('trainStep', 'accumulate', accumulate, 1);
  const { emaDecays = [] } = settings;
  const optimizer = optimizerOf(settings);
  const schedule = learningRateOf(settings, totalSteps);
  const lossAndGrad = gradientOf(loss, accumulate);
  return (state, batch) => {
    const fields = ['model', 'average', 'optimizer', 'key'];
    checkFields('trainStep', 'state', state, fields, 'Make one with initialState(…).');
    const [key, lossKey] = split(state.key);
    const { value, grads, remembered } = lossAndGrad(state, batch, lossKey);
    const clipped = clipByGlobalNorm(grads, settings.clipNorm);
    const { step } = state.optimizer;
    const updated = optimizer.update(clipped.grads, state.optimizer, state.model, {
      learningRate: schedule(step),
    });
    const averaged = (average: M, decay: number): M =>
      emaUpdate(average, updated.params, emaDecay(step, decay));
    const average = averaged(state.average, settings.emaDecay);
    const { averages = [] } = state;
    checkAverages(averages, emaDecays);
    const further = averages.map((each, i) => averaged(each, emaDecays[i]));
    return [
      {
        model: updated.params,
        average,
        ...(further.length > 0 && { averages: further }),
        optimizer: updated.state,
        key,
        ...remembered,
      },
      {
        loss: value,
        gradNorm: clipped.norm,
        ...(moduleNorms && { moduleNorms: gradientNorms(grads) }),
      },
    ];
  };
}

/** Throws a ValueError unless a state has the averages that the settings name. */
function checkAverages(averages: readonly unknown[], decays: readonly number[]): void {
  if (averages.length === decays.length) return;
  throw new ValueError(
    'trainStep',
    `the state has ${averages.length} further averages, the settings name ${decays.length} emaDecays. Make it with initialState(model, key, settings).`,
  );
}

/** The loss of a state on a batch, its gradient, and the history where the state has one. */
type LossGradient<M, B> = (
  state: TrainState<M>,
  batch: B,
  key: Tensor,
) => {
  readonly value: Tensor;
  readonly grads: M;
  readonly remembered: Pick<TrainState<M>, 'history'>;
};

function gradientOf<M, B>(
  loss: Loss<M, B> | RememberingLoss<M, B>,
  accumulate: number,
): LossGradient<M, B> {
  const plain = loss as Loss<M, B>;
  const forgetting = accumulate === 1 ? valueAndGrad(plain) : accumulated(plain, accumulate);
  const remembering = valueAndGrad(
    (...args: Parameters<RememberingLoss<M, B>>) => {
      const result: unknown = (loss as RememberingLoss<M, B>)(...args);
      if (isRemembered(result)) return result;
      const problem = `the state has a history, so the loss must give [loss, history], but gave ${kindOf(result)}. Use a RememberingLoss, or a state without a history.`;
      throw new ValueError('trainStep', problem);
    },
    { hasAux: true },
  );
  return ({ model, history }, batch, key) => {
    if (history === undefined) return { ...forgetting(model, batch, key), remembered: {} };
    if (accumulate > 1) {
      const problem = `accumulate: ${accumulate} does not go with a history of losses, which takes whole batches. Use 1.`;
      throw new ValueError('trainStep', problem);
    }
    const { value, grads, aux } = remembering(model, batch, key, history);
    return { value, grads, remembered: { history: aux } };
  };
}

/** Whether a loss gave what a {@link RememberingLoss} gives. */
function isRemembered(result: unknown): result is ReturnType<RememberingLoss<unknown, unknown>> {
  return Array.isArray(result) && result.length === 2;
}

/**
 * {@link trainStep} as one compiled plan. It writes the new state over the old one.
 *
 * @example
 * const loss = (model: { w: Tensor }, x: Tensor) => model.w.mul(x).sub(1).square().mean();
 * const step = compiledTrainStep(loss, presetConfig('smoke').optimizer, 100);
 * let state = initialState({ w: zeros([2]) }, key(0));
 * for (let i = 0; i < 50; i++) [state] = step(state, ones([2]));
 * state.optimizer.step; // 50
 */
export function compiledTrainStep<M, B>(
  loss: Loss<M, B> | RememberingLoss<M, B>,
  settings: OptimizerConfig,
  totalSteps: number,
  options: StepOptions = {},
): Compiled<[TrainState<M>, B], [TrainState<M>, StepMetrics]> {
  checkSettings('compiledTrainStep', loss, settings, totalSteps);
  return compile(trainStep(loss, settings, totalSteps, options), {
    donate: [0],
    passes: [recomputeAtPeak],
    collects: true,
  });
}

/**
 * The state before the first step. Averages start as the model itself.
 *
 * @param settings The optimizer, whose state and averages are made. Default: AdamW, with one average.
 * @example
 * const { model, average } = initialState({ w: ones([2]) }, key(0));
 * average.w; // [1, 1]
 */
export function initialState<M>(model: M, key: Tensor, settings?: OptimizerConfig): TrainState<M> {
  checkTensors('initialState', { key });
  if (settings === undefined) {
    return { model, average: model, optimizer: adamw().init(model), key };
  }
  checkFields('initialState', 'settings', settings, ['betas', 'weightDecay'], SETTINGS_HINT);
  const averages = (settings.emaDecays ?? []).map(() => model);
  return {
    model,
    average: model,
    ...(averages.length > 0 && { averages }),
    optimizer: optimizerOf(settings).init(model),
    key,
  };
}

const SETTINGS_HINT = 'Take the optimizer of presetConfig(…).';

function checkSettings(
  op: string,
  loss: unknown,
  settings: OptimizerConfig,
  totalSteps: number,
): void {
  checkFunction(op, loss);
  const numbers = [
    'learningRate',
    'warmupSteps',
    'finalLrFraction',
    'weightDecay',
    'clipNorm',
    'emaDecay',
  ] as const;
  checkFields(op, 'settings', settings, [...numbers, 'betas'], SETTINGS_HINT);
  for (const name of numbers) checkFinite(op, name, settings[name]);
  checkWhole(op, 'totalSteps', totalSteps, 1);
}
