// conv1d: convolution along one axis, as conv2d of images with one row.

import { checkOptions, checkTensors } from '../../arguments.ts';
import { formatShape, ShapeError } from '../../errors.ts';
import type { Tensor } from '../../tensor.ts';
import { conv2d } from './conv2d.ts';

/** Options of {@link conv1d}. */
export interface Conv1dOptions {
  /** Default 1. */
  readonly stride?: number;
  /** Zeros on both sides. Default 0. */
  readonly padding?: number;
  /** Distance between kernel taps. Default 1. */
  readonly dilation?: number;
  /** Independent groups of channels. Default 1. */
  readonly groups?: number;
}

/**
 * 1-D cross-correlation: x `[B, C, L]` and weight `[O, C/groups, k]` give `[B, O, M]` with
 * `M = ⌊(L + 2·padding − dilation·(k − 1) − 1) / stride⌋ + 1`. It is a `conv2d` of images of one row.
 *
 * @throws ShapeError if x or weight have other ranks, or channels, groups or kernel do not fit.
 * @example
 * conv1d(tensor([[[1, 2, 3, 4]]]), tensor([[[1, -1]]])); // [[[-1, -1, -1]]]
 */
export function conv1d(x: Tensor, weight: Tensor, options: Conv1dOptions = {}): Tensor {
  checkTensors('conv1d', { x, weight });
  checkOptions('conv1d', options, ['stride', 'padding', 'dilation', 'groups']);
  if (x.rank !== 3 || weight.rank !== 3) {
    throw new ShapeError(
      'conv1d',
      `x is ${formatShape(x.shape)}, weight is ${formatShape(weight.shape)}: [B, C, L] and [O, C/groups, k] expected.`,
      [x.shape, weight.shape],
    );
  }
  const { stride = 1, padding = 0, dilation = 1, groups = 1 } = options;
  return conv2d(x.unsqueeze(2), weight.unsqueeze(2), {
    stride: [1, stride],
    padding: [0, padding],
    dilation: [1, dilation],
    groups,
  }).squeeze(2);
}
