// Batch normalisation for images; `train` returns a new module with updated running statistics.

import {
  checkOptions,
  checkTensors,
  batchNorm,
  formatShape,
  ones,
  ShapeError,
  zeros,
  type Tensor,
} from '@tessera/tensor';
import { stopGradient } from '../../grad.ts';
import { Buffer } from '../../leaves.ts';
import { Module, withFields, type Trained } from '../module.ts';
import type { NormOptions } from './norm.ts';
import { checkRange, checkSizes } from './sizes.ts';

/** Options of {@link BatchNorm2d}. */
export interface BatchNormOptions extends NormOptions {
  /** The share of the batch's statistics in the new running ones. Default 0.1. */
  readonly momentum?: number;
}

/**
 * Normalises each channel over batch and places, then scales and shifts it.
 *
 * The module has no mode. {@link BatchNorm2d.forward} evaluates with the running statistics. {@link
 * BatchNorm2d.train} normalises by the batch's own statistics, and returns the output and a module with
 * updated running statistics. These are buffers: they get no gradient, but checkpoints contain them. The
 * names are PyTorch's.
 *
 * Source: Ioffe & Szegedy 2015, "Batch normalization", algorithms 1 and 2.
 *
 * @example
 * const norm = new BatchNorm2d(3);
 * const { output, module } = norm.train(ones([8, 3, 4, 4]));
 * module.forward(ones([1, 3, 4, 4])); // by statistics that have seen one batch
 */
export class BatchNorm2d extends Module {
  static override readonly name: string = 'BatchNorm2d';
  /** `[C]` */
  readonly weight: Tensor | null;
  /** `[C]` */
  readonly bias: Tensor | null;
  /** `[C]` */
  readonly running_mean: Buffer;
  /** `[C]` */
  readonly running_var: Buffer;
  /** int32 scalar: training steps so far. */
  readonly num_batches_tracked: Buffer;
  readonly channels: number;
  readonly eps: number;
  readonly momentum: number;

  constructor(channels: number, options: BatchNormOptions = {}) {
    super();
    checkOptions('BatchNorm2d', options, ['eps', 'affine', 'momentum']);
    const { eps = 1e-5, affine = true, momentum = 0.1 } = options;
    checkSizes('BatchNorm2d', { channels });
    checkRange('BatchNorm2d', 'eps', eps);
    checkRange('BatchNorm2d', 'momentum', momentum, [0, 1]);
    this.weight = affine ? ones([channels]) : null;
    this.bias = affine ? zeros([channels]) : null;
    this.running_mean = new Buffer(zeros([channels]));
    this.running_var = new Buffer(ones([channels]));
    this.num_batches_tracked = new Buffer(zeros([], 'int32'));
    this.channels = channels;
    this.eps = eps;
    this.momentum = momentum;
  }

  /** `[B, C, H, W] → [B, C, H, W]` by the running statistics. */
  forward(x: Tensor): Tensor {
    return normalize(this, x, false).output;
  }

  /**
   * `[B, C, H, W] → [B, C, H, W]` by the statistics of the batch.
   *
   * @returns The output, and the module with updated running statistics.
   */
  train(x: Tensor): Trained<BatchNorm2d> {
    const { output, running } = normalize(this, x, true);
    const { mean, variance } = stopGradient(running);
    const module = withFields<BatchNorm2d>(this, {
      running_mean: new Buffer(mean),
      running_var: new Buffer(variance),
      num_batches_tracked: new Buffer(this.num_batches_tracked.value.add(1)),
    });
    return { output, module };
  }
}

function normalize(
  module: BatchNorm2d,
  x: Tensor,
  training: boolean,
): ReturnType<typeof batchNorm> {
  checkTensors('BatchNorm2d', { x });
  if (x.rank !== 4 || x.shape[1] !== module.channels) {
    throw new ShapeError(
      'BatchNorm2d',
      `x is ${formatShape(x.shape)}, but [B, ${module.channels}, H, W] is expected.`,
      [x.shape],
    );
  }
  const { weight, bias, eps, momentum } = module;
  const running = { mean: module.running_mean.value, variance: module.running_var.value };
  return batchNorm(x, running, { weight, bias, eps, momentum, training });
}
