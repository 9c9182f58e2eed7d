// layerNorm, rmsNorm, groupNorm and batchNorm, with scale and shift.

import { checkOptions, checkTensors } from '../../arguments.ts';
import { composites } from '../../composites/table.ts';
import { expectDType } from '../../array/dtype.ts';
import { formatShape, ShapeError, ValueError } from '../../errors.ts';
import { apply } from '../../interpreter.ts';
import { sameShape, sizeOf, type Shape } from '../../array/shape.ts';
import type { Tensor } from '../../tensor.ts';

const EPS = 1e-5;

/** Scale and shift after a normalisation, and the number that keeps it from dividing by 0. */
export interface NormalizeOptions {
  /** Factor of the normalised values. Default none. */
  readonly weight?: Tensor | null;
  /** Added after the factor. Default none. */
  readonly bias?: Tensor | null;
  /** Added to the variance (or mean square), so that nothing is divided by 0. Default 1e-5. */
  readonly eps?: number;
}

/** Options of {@link layerNorm}; `weight` and `bias` have the normalised shape. */
export interface LayerNormOptions extends NormalizeOptions {
  /** The sizes of the last axes, normalised together. Default: the shape of `weight`, else the last axis. */
  readonly normalizedShape?: Shape;
}

/** Options of {@link rmsNorm}. */
export type RmsNormOptions = Omit<NormalizeOptions, 'bias'>;

/** Mean and variance of each channel, `[C]`, collected during training. */
export interface RunningStatistics {
  readonly mean: Tensor;
  readonly variance: Tensor;
}

/** Options of {@link batchNorm}; `weight` and `bias` are `[C]`. */
export interface BatchNormOptions extends NormalizeOptions {
  /** Whether to normalise by the batch's own statistics and update the running ones. Default false. */
  readonly training?: boolean;
  /** How far the running statistics move towards those of the batch. Default 0.1. */
  readonly momentum?: number;
}

/**
 * `(x − mean) / √(var + eps) · weight + bias` over the last axes, with the biased variance.
 *
 * Source: Ba et al. 2016, "Layer normalization", equations 3 and 4.
 *
 * @param x `[..., ...normalizedShape]`.
 * @returns The shape of x.
 * @throws ShapeError if x does not end with the normalised shape.
 * @example
 * layerNorm(tensor([[1, 3], [5, 9]]), { eps: 0 }); // [[-1, 1], [-1, 1]]
 * layerNorm(zeros([2, 4, 5]), { normalizedShape: [4, 5] }); // float32[2, 4, 5]
 */
export function layerNorm(x: Tensor, options: LayerNormOptions = {}): Tensor {
  checkTensors('layerNorm', { x });
  checkOptions('layerNorm', options, ['weight', 'bias', 'eps', 'normalizedShape']);
  checkEps('layerNorm', options);
  if (x.rank === 0) throw new ShapeError('layerNorm', 'a scalar has no last axis.', [x.shape]);
  const shape = options.normalizedShape ?? options.weight?.shape ?? x.shape.slice(-1);
  const lead = x.shape.slice(0, x.rank - shape.length);
  if (shape.length === 0 || !sameShape([...lead, ...shape], x.shape)) {
    throw new ShapeError(
      'layerNorm',
      `x is ${formatShape(x.shape)}, but its last axes must be the normalised ones, ${formatShape(shape)}.`,
      [x.shape, shape],
    );
  }
  const y = standardize(x.reshape([...lead, sizeOf(shape)]), options).reshape(x.shape);
  return affine('layerNorm', y, options, shape);
}

/**
 * `x / √(mean(x²) + eps) · weight` over the last axis.
 *
 * Source: Zhang & Sennrich 2019, "Root mean square layer normalization", equation 4.
 *
 * @param x `[..., D]`; `weight` is `[D]`.
 * @returns The shape of x.
 * @throws ShapeError if x is a scalar or the weight does not fit.
 * @example
 * rmsNorm(tensor([3, 4]), { eps: 0 }); // [0.849, 1.131]: [3, 4] / √12.5
 */
export function rmsNorm(x: Tensor, options: RmsNormOptions = {}): Tensor {
  checkTensors('rmsNorm', { x });
  checkOptions('rmsNorm', options, ['weight', 'eps']);
  checkEps('rmsNorm', options);
  expectDType('rmsNorm', x.dtype, ['float32']);
  if (x.rank === 0) throw new ShapeError('rmsNorm', 'a scalar has no last axis.', [x.shape]);
  const meanSquare = x.square().mean(-1, { keepDims: true });
  const y = x.mul(meanSquare.add(options.eps ?? EPS).rsqrt());
  return affine('rmsNorm', y, options, x.shape.slice(-1));
}

/**
 * Normalises each of `groups` groups of neighbouring channels of each sample to mean 0 and variance 1,
 * then scales and shifts each channel.
 *
 * Source: Wu & He 2018, "Group normalization", equations 1 to 7.
 *
 * @param x `[B, C, ...]`; `weight` and `bias` are `[C]`.
 * @returns The shape of x.
 * @throws ShapeError if x has no channels, or they do not divide into groups.
 * @example
 * groupNorm(tensor([[[1, 3], [5, 9]]]), 2, { eps: 0 }); // [[[-1, 1], [-1, 1]]]
 */
export function groupNorm(x: Tensor, groups: number, options: NormalizeOptions = {}): Tensor {
  checkTensors('groupNorm', { x });
  checkOptions('groupNorm', options, ['weight', 'bias', 'eps']);
  checkEps('groupNorm', options);
  expectDType('groupNorm', x.dtype, ['float32']);
  const channels = channelsOf('groupNorm', x);
  if (!Number.isInteger(groups) || groups < 1 || channels % groups !== 0) {
    throw new ShapeError(
      'groupNorm',
      `the ${channels} channels of x ${formatShape(x.shape)} do not divide into ${groups} groups.`,
      [x.shape],
    );
  }
  const rows = x.reshape([x.shape[0], groups, sizeOf(x.shape.slice(1)) / groups]);
  return affine(
    'groupNorm',
    standardize(rows, options).reshape(x.shape),
    options,
    [channels],
    perChannel(x),
  );
}

/**
 * Normalises each channel over batch and places, then scales and shifts it. In training it takes the batch's
 * own mean and biased variance, otherwise the running ones.
 *
 * Source: Ioffe & Szegedy 2015, "Batch normalization", algorithms 1 and 2.
 *
 * @param x `[B, C, ...]`.
 * @param running The running statistics. They stay as they are; new ones are returned.
 * @returns The output, with the shape of x, and the running statistics. In training they are `(1 −
 *   momentum)·old + momentum·batch`, with the unbiased variance. Keep their gradient out of a loss.
 * @throws ShapeError if a tensor does not fit, or if training has fewer than two values per channel.
 * @example
 * const start = { mean: zeros([3]), variance: ones([3]) };
 * const { running } = batchNorm(ones([8, 3, 4, 4]), start, { training: true });
 * running.mean; // [0.1, 0.1, 0.1]
 */
export function batchNorm(
  x: Tensor,
  running: RunningStatistics,
  options: BatchNormOptions = {},
): { readonly output: Tensor; readonly running: RunningStatistics } {
  checkTensors('batchNorm', { x });
  checkOptions('batchNorm', options, ['weight', 'bias', 'eps', 'training', 'momentum']);
  const { eps = EPS, training = false, momentum = 0.1 } = options;
  checkEps('batchNorm', options);
  expectDType('batchNorm', x.dtype, ['float32']);
  if (!(momentum >= 0 && momentum <= 1)) {
    throw new ValueError('batchNorm', `momentum must lie in [0, 1], but is ${momentum}.`);
  }
  const channels = channelsOf('batchNorm', x);
  const aligned = perChannel(x);
  for (const each of [running?.mean, running?.variance]) checkFit('batchNorm', each, [channels]);
  const normalize = (mean: Tensor, variance: Tensor): Tensor => {
    const scale = variance.add(eps).rsqrt().reshape(aligned);
    return affine(
      'batchNorm',
      x.sub(mean.reshape(aligned)).mul(scale),
      options,
      [channels],
      aligned,
    );
  };
  if (!training) return { output: normalize(running.mean, running.variance), running };
  const count = x.size / channels;
  if (count < 2) {
    throw new ShapeError(
      'batchNorm',
      `x ${formatShape(x.shape)} has ${count === 0 ? 'no' : 'a single'} value per channel, so it has no variance. Train on larger batches.`,
      [x.shape],
    );
  }
  const axes = x.shape.flatMap((_, i) => (i === 1 ? [] : [i]));
  const mean = x.mean(axes);
  const variance = x.variance(axes, { correction: 0 });
  const move = (old: Tensor, now: Tensor): Tensor =>
    momentum === 0 ? old : momentum === 1 ? now : old.mul(1 - momentum).add(now.mul(momentum));
  return {
    output: normalize(mean, variance),
    running: {
      mean: move(running.mean, mean),
      variance: move(running.variance, variance.mul(count / (count - 1))),
    },
  };
}

function checkEps(op: string, { eps = EPS }: NormalizeOptions): void {
  if (eps >= 0 && eps < Infinity) return;
  throw new ValueError(op, `eps must be a finite number of at least 0, but is ${eps}.`);
}

/** Normalises the last axis to mean 0 and variance 1. */
function standardize(x: Tensor, { eps = EPS }: NormalizeOptions): Tensor {
  return apply(composites.layerNorm, [x], { eps })[0];
}

/** Scales and shifts y by tensors of shape `expected`, reshaped to `aligned` so that they broadcast. */
function affine(
  op: string,
  y: Tensor,
  { weight, bias }: NormalizeOptions,
  expected: Shape,
  aligned: Shape = expected,
): Tensor {
  const fit = (x: Tensor): Tensor => checkFit(op, x, expected).reshape(aligned);
  const scaled = weight ? y.mul(fit(weight)) : y;
  return bias ? scaled.add(fit(bias)) : scaled;
}

function checkFit(op: string, x: Tensor, expected: Shape): Tensor {
  checkTensors(op, { 'each of weight, bias and statistics': x });
  if (sameShape(x.shape, expected)) return x;
  throw new ShapeError(
    op,
    `weight, bias and statistics must be ${formatShape(expected)}, but one is ${formatShape(x.shape)}.`,
    [x.shape, expected],
  );
}

/** The number of channels of x `[B, C, ...]`. */
function channelsOf(op: string, { shape }: Tensor): number {
  if (shape.length >= 2) return shape[1];
  throw new ShapeError(op, `[B, C, ...] expected, but got ${formatShape(shape)}.`, [shape]);
}

/** `[C, 1, ...]`, to broadcast over x `[B, C, ...]`. */
function perChannel({ shape }: Tensor): Shape {
  return shape.slice(1).map((n, i) => (i === 0 ? n : 1));
}
