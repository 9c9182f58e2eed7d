// LayerNorm, RMSNorm and GroupNorm layers.

import {
  checkOptions,
  checkTensors,
  formatShape,
  groupNorm,
  layerNorm,
  ones,
  rmsNorm,
  ShapeError,
  zeros,
  type Tensor,
} from '@tessera/tensor';
import { Module } from '../module.ts';
import { checkRange, checkSizes } from './sizes.ts';

/** Options of the normalisations. */
export interface NormOptions {
  /** Added to the variance (or mean square). Default 1e-5, PyTorch's. */
  readonly eps?: number;
  /** Whether a learned scale and shift follow. Default true. */
  readonly affine?: boolean;
}

/**
 * Normalises the last axis to mean 0 and variance 1, then scales and shifts it.
 *
 * Source: Ba et al. 2016, "Layer normalization", equation 4.
 *
 * @example
 * new LayerNorm(2, { eps: 0 }).forward(tensor([[1, 3], [5, 9]])); // [[-1, 1], [-1, 1]]
 */
export class LayerNorm extends Module {
  static override readonly name: string = 'LayerNorm';
  /** `[width]` */
  readonly weight: Tensor | null;
  /** `[width]` */
  readonly bias: Tensor | null;
  readonly width: number;
  readonly eps: number;

  constructor(width: number, options: NormOptions = {}) {
    super();
    checkOptions('LayerNorm', options, ['eps', 'affine']);
    const { eps = 1e-5, affine = true } = options;
    checkSizes('LayerNorm', { width });
    checkRange('LayerNorm', 'eps', eps);
    this.weight = affine ? ones([width]) : null;
    this.bias = affine ? zeros([width]) : null;
    this.width = width;
    this.eps = eps;
  }

  /** `[..., width] → [..., width]` */
  forward(x: Tensor): Tensor {
    const { width, weight, bias, eps } = this;
    checkWidth('LayerNorm', x, width);
    return layerNorm(x, { normalizedShape: [width], weight, bias, eps });
  }
}

/**
 * Divides the last axis by its root mean square, then scales it.
 *
 * Source: Zhang & Sennrich 2019, "Root mean square layer normalization", equation 4.
 *
 * @example
 * new RMSNorm(2, { eps: 0 }).forward(tensor([1, 7])); // [0.2, 1.4]: divided by 5
 */
export class RMSNorm extends Module {
  static override readonly name: string = 'RMSNorm';
  /** `[width]` */
  readonly weight: Tensor | null;
  readonly width: number;
  readonly eps: number;

  constructor(width: number, options: NormOptions = {}) {
    super();
    checkOptions('RMSNorm', options, ['eps', 'affine']);
    const { eps = 1e-5, affine = true } = options;
    checkSizes('RMSNorm', { width });
    checkRange('RMSNorm', 'eps', eps);
    this.weight = affine ? ones([width]) : null;
    this.width = width;
    this.eps = eps;
  }

  /** `[..., width] → [..., width]` */
  forward(x: Tensor): Tensor {
    const { width, weight, eps } = this;
    checkWidth('RMSNorm', x, width);
    return rmsNorm(x, { weight, eps });
  }
}

/**
 * Normalises each of `groups` groups of channels of each sample to mean 0 and variance 1, then
 * scales and shifts each channel.
 *
 * Source: Wu & He 2018, "Group normalization", equations 1 to 7.
 *
 * @example
 * new GroupNorm(2, 4).forward(ones([1, 4, 8, 8])).shape; // [1, 4, 8, 8]
 */
export class GroupNorm extends Module {
  static override readonly name: string = 'GroupNorm';
  /** `[C]` */
  readonly weight: Tensor | null;
  /** `[C]` */
  readonly bias: Tensor | null;
  readonly groups: number;
  readonly channels: number;
  readonly eps: number;

  constructor(groups: number, channels: number, options: NormOptions = {}) {
    super();
    checkOptions('GroupNorm', options, ['eps', 'affine']);
    const { eps = 1e-5, affine = true } = options;
    checkSizes('GroupNorm', { groups, channels });
    checkRange('GroupNorm', 'eps', eps);
    if (channels % groups !== 0) {
      throw new ShapeError(
        'GroupNorm',
        `${channels} channels do not divide into ${groups} groups.`,
        [[channels]],
      );
    }
    this.weight = affine ? ones([channels]) : null;
    this.bias = affine ? zeros([channels]) : null;
    this.groups = groups;
    this.channels = channels;
    this.eps = eps;
  }

  /** `[B, C, ...] → [B, C, ...]` */
  forward(x: Tensor): Tensor {
    checkTensors('GroupNorm', { x });
    if (x.rank < 2 || x.shape[1] !== this.channels) {
      throw new ShapeError(
        'GroupNorm',
        `x is ${formatShape(x.shape)}, but [B, ${this.channels}, ...] is expected.`,
        [x.shape],
      );
    }
    const { groups, weight, bias, eps } = this;
    return groupNorm(x, groups, { weight, bias, eps });
  }
}

function checkWidth(op: string, x: Tensor, width: number): void {
  checkTensors(op, { x });
  const { shape } = x;
  if (shape.at(-1) === width) return;
  throw new ShapeError(
    op,
    `x is ${formatShape(shape)}, but the last axis must have size ${width}.`,
    [shape],
  );
}
