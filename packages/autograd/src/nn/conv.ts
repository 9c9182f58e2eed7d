import { conv2d, split, type Tensor } from '@tessera/tensor';
import { init, type Initializer } from './init.ts';
import { Module } from './module.ts';

/** Options of {@link Conv2d}. A pair is `[vertical, horizontal]`; one number stands for both. */
export interface Conv2dOptions {
  readonly key: Tensor;
  readonly kernelSize: number | readonly [number, number];
  /** Default 1. */
  readonly stride?: number | readonly [number, number];
  /** Zeros around the image. Default 0. */
  readonly padding?: number | readonly [number, number];
  /** Default 1. */
  readonly dilation?: number | readonly [number, number];
  /** Default 1. */
  readonly groups?: number;
  /** Whether to add a bias. Default true. */
  readonly bias?: boolean;
  /** The first weight. Default `kaimingUniform()`, PyTorch's. */
  readonly init?: Initializer;
  /** The first bias. Default zeros. */
  readonly biasInit?: Initializer;
}

/**
 * A 2-D convolution (a cross-correlation, as everywhere in deep learning) with a bias a channel.
 *
 * @example
 * const patches = new Conv2d(3, 16, { key: key(0), kernelSize: 4, stride: 4 });
 * patches.forward(ones([1, 3, 32, 32])).shape; // [1, 16, 8, 8]
 */
export class Conv2d extends Module {
  /** `[out, in / groups, kernel height, kernel width]` */
  readonly weight: Tensor;
  /** `[out]` */
  readonly bias: Tensor | null;
  readonly stride: number | readonly [number, number];
  readonly padding: number | readonly [number, number];
  readonly dilation: number | readonly [number, number];
  readonly groups: number;

  constructor(inChannels: number, outChannels: number, options: Conv2dOptions) {
    super();
    const [weightKey, biasKey] = split(options.key);
    const {
      kernelSize,
      bias = true,
      init: weightInit = init.kaimingUniform(),
      biasInit = init.zeros(),
    } = options;
    const { stride = 1, padding = 0, dilation = 1, groups = 1 } = options;
    const [height, width] = typeof kernelSize === 'number' ? [kernelSize, kernelSize] : kernelSize;
    this.weight = weightInit(weightKey, [outChannels, inChannels / groups, height, width]);
    this.bias = bias ? biasInit(biasKey, [outChannels]) : null;
    this.stride = stride;
    this.padding = padding;
    this.dilation = dilation;
    this.groups = groups;
  }

  /** `[B, in, H, W] → [B, out, H', W']` */
  forward(x: Tensor): Tensor {
    const { stride, padding, dilation, groups } = this;
    const y = conv2d(x, this.weight, { stride, padding, dilation, groups });
    return this.bias === null ? y : y.add(this.bias.reshape([-1, 1, 1]));
  }
}
