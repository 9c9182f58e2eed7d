// Classifier-free guidance: the model with and without its label, extrapolated.

import {
  checkOptions,
  checkTensors,
  concat,
  formatShape,
  full,
  ShapeError,
  Tensor,
} from '@tessera/tensor';
import { checkChoice, checkFields, checkFinite, checkWithin } from '../../config/argument-check.ts';
import { COMPATS, type Compat } from '../../config/choices.ts';
import { checkInterval, type GuidanceInterval } from './interval.ts';
import { rescaleGuidance } from './rescale.ts';

/** A model of labelled data: a DiT, or any object with its `forward` and a null class. */
export interface ConditionalModel {
  readonly nullClass: number;
  forward(x: Tensor, t: Tensor, y: Tensor): Tensor;
}

/** Options of guidance. */
export interface GuidanceOptions {
  /**
   * s in `e = e_null + s · (e_label − e_null)`: 0 ignores the labels, 1 is the plain model, more exaggerates.
   * A scalar tensor stays an input of a compiled function, so one plan serves all scales.
   */
  readonly scale: number | Tensor;
  /**
   * `'official'` guides only the first 3 channels. So were the published DiT samples drawn; it is a
   * leftover of a model for RGB. `'fixed'`, the default, guides all channels of x. A learned variance is
   * never guided.
   */
  readonly compat?: Compat;
  /** The timesteps that are guided. Default: all. Elsewhere the result is that of the labels, to the bit. */
  readonly interval?: GuidanceInterval;
  /** How much of the deviation is brought back; see {@link rescaleGuidance}. Default 0. */
  readonly rescale?: number;
}

/** Channels that the official code guides. */
const OFFICIAL_CHANNELS = 3;

/**
 * The guided prediction for labelled latents. It extrapolates from the model's output with the null class
 * through its output with the labels. Both run as one batch of 2B. If the scale is the number 1, only the
 * labels run.
 *
 * Source: Ho & Salimans 2022, "Classifier-free diffusion guidance", equation 6. The scale counts as in
 * DiT: s = 1 + w.
 *
 * @param x `[B, C, ...]`
 * @param t `[B]`
 * @param y int32 `[B]`
 * @returns As `model.forward`. Unguided channels are those of the output with labels.
 * @throws StateError if the model has no null class.
 * @example
 * const model = DiT.init({ ...zoo['DiT-S/8'], depth: 1, numClasses: 10, learnSigma: false }, key(0));
 * const [t, y] = [tensor([999], { dtype: 'int32' }), tensor([7], { dtype: 'int32' })];
 * guidedForward(model, zeros([1, 4, 32, 32]), t, y, { scale: 2 }); // float32[1, 4, 32, 32]
 */
export function guidedForward(
  model: ConditionalModel,
  x: Tensor,
  t: Tensor,
  y: Tensor,
  options: GuidanceOptions,
): Tensor {
  checkGuidance('guidedForward', model, { x, t, y }, options);
  if (options.scale === 1) return model.forward(x, t, y);
  const nullLabels = full(y.shape, model.nullClass, 'int32');
  const twice = (a: Tensor, b: Tensor): Tensor => concat([a, b], 0);
  const output = model.forward(twice(x, x), twice(t, t), twice(y, nullLabels)); // [2B, ...]
  return guideHalves(output, t, x.shape[1], options)[0];
}

/**
 * Guidance with the interface of the official `forward_with_cfg`, for samplers that carry a labelled and
 * an unlabelled half. The first half of x is used twice. The guided channels are the same in both halves
 * of the result; each half keeps its own other channels.
 *
 * @param x `[2B, C, ...]`; its second half is not used.
 * @param t `[2B]`
 * @param y int32 `[2B]`: the labels, then as many null classes.
 * @returns As `model.forward` of 2B.
 * @throws ShapeError if the batch is odd.
 * @example
 * const model = { forward: (x: Tensor, _t: Tensor, y: Tensor) => x.add(y.reshape([-1, 1, 1, 1])) };
 * const [x, t] = [zeros([2, 1, 1, 1]), zeros([2], 'int32')];
 * const y = tensor([1, 0], { dtype: 'int32' }); // a label, then no label
 * guidedBatchForward(model, x, t, y, { scale: 3 }); // [[[[3]]], [[[3]]]]: 0 + 3 · (1 − 0)
 */
export function guidedBatchForward(
  model: Pick<ConditionalModel, 'forward'>,
  x: Tensor,
  t: Tensor,
  y: Tensor,
  options: GuidanceOptions,
): Tensor {
  checkGuidance('guidedBatchForward', model, { x, t, y }, options);
  const half = x.shape[0] / 2;
  if (!Number.isInteger(half)) {
    throw new ShapeError(
      'guidedBatchForward',
      `x is ${formatShape(x.shape)}, but its batch must be even: labelled, then unlabelled.`,
      [x.shape],
    );
  }
  const labelled = x.slice([[0, half]]);
  const output = model.forward(concat([labelled, labelled], 0), t, y);
  return concat(guideHalves(output, t, x.shape[1], options), 0);
}

function checkGuidance(
  op: string,
  model: Pick<ConditionalModel, 'forward'>,
  tensors: Readonly<Record<string, Tensor>>,
  options: GuidanceOptions,
): void {
  checkFields(op, 'model', model, ['forward'], 'Give a DiT, or an object with its forward.');
  checkTensors(op, tensors);
  checkOptions(op, options, ['scale', 'compat', 'interval', 'rescale']);
  const { scale, compat = 'fixed', interval, rescale = 0 } = options;
  if (!(scale instanceof Tensor)) checkFinite(op, 'scale', scale);
  checkChoice(op, 'compat', compat, COMPATS);
  if (interval !== undefined) checkInterval(op, interval);
  checkWithin(op, 'rescale', rescale, 0, 1);
}

/** Guides the first channels of `[2B, ...]`, and gives its two halves, `[B, ...]` each. */
function guideHalves(
  output: Tensor,
  t: Tensor,
  channels: number,
  { scale, compat, interval, rescale = 0 }: GuidanceOptions,
): [labelled: Tensor, unlabelled: Tensor] {
  const guided = compat === 'official' ? Math.min(OFFICIAL_CHANNELS, output.shape[1]) : channels;
  const rest = output.shape[1] - guided;
  const [labelled, unlabelled] = output.chunk(2, 0);
  const [withLabel, labelledRest] = labelled.split([guided, rest], 1);
  const [without, unlabelledRest] = unlabelled.split([guided, rest], 1);
  const extrapolated = without.add(withLabel.sub(without).mul(scale));
  const everywhere =
    rescale === 0 ? extrapolated : rescaleGuidance(extrapolated, withLabel, rescale);
  const prediction =
    interval === undefined
      ? everywhere
      : within(t, interval, withLabel).where(everywhere, withLabel);
  return [concat([prediction, labelledRest], 1), concat([prediction, unlabelledRest], 1)];
}

/** Whether each sample of `like` has a timestep in the interval: bool `[B, 1, …]`. */
function within(t: Tensor, [from, to]: GuidanceInterval, like: Tensor): Tensor {
  const times = t.slice([[0, like.shape[0]]]).reshape([-1, ...like.shape.slice(1).map(() => 1)]);
  return times.greaterEqual(from).and(times.lessEqual(to));
}
