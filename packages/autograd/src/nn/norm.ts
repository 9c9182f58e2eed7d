import {
  formatShape,
  groupNorm,
  layerNorm,
  ones,
  ShapeError,
  zeros,
  type Tensor,
} from '@tessera/tensor';
import { Module } from './module.ts';

/** Options of the normalisations. */
export interface NormOptions {
  /** Added to the variance. Default 1e-5, PyTorch's. */
  readonly eps?: number;
  /** Whether a learned scale and shift follow. Default true. */
  readonly affine?: boolean;
}

/**
 * Normalises the last axis to mean 0 and variance 1, then scales and shifts it.
 *
 * Source: Ba et al. 2016, "Layer normalization", equation 4.
 */
export class LayerNorm extends Module {
  /** `[width]` */
  readonly weight: Tensor | null;
  /** `[width]` */
  readonly bias: Tensor | null;
  readonly width: number;
  readonly eps: number;

  constructor(width: number, { eps = 1e-5, affine = true }: NormOptions = {}) {
    super();
    this.weight = affine ? ones([width]) : null;
    this.bias = affine ? zeros([width]) : null;
    this.width = width;
    this.eps = eps;
  }

  /** `[..., width] → [..., width]` */
  forward(x: Tensor): Tensor {
    const { width, weight, bias, eps } = this;
    if (x.shape.at(-1) !== width) {
      throw new ShapeError(
        'LayerNorm',
        `x is ${formatShape(x.shape)}, but the last axis must have size ${width}.`,
        [x.shape],
      );
    }
    return layerNorm(x, { normalizedShape: [width], weight, bias, eps });
  }
}

/**
 * Normalises each of `groups` groups of channels of each sample to mean 0 and variance 1, then
 * scales and shifts each channel.
 *
 * Source: Wu & He 2018, "Group normalization", equations 1 to 7.
 */
export class GroupNorm extends Module {
  /** `[C]` */
  readonly weight: Tensor | null;
  /** `[C]` */
  readonly bias: Tensor | null;
  readonly groups: number;
  readonly channels: number;
  readonly eps: number;

  constructor(groups: number, channels: number, { eps = 1e-5, affine = true }: NormOptions = {}) {
    super();
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
