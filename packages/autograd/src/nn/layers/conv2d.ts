// Conv2d and ConvTranspose2d layers.

import {
  checkOptions,
  conv2d,
  convTranspose2d,
  split,
  ValueError,
  type Size2d,
  type Tensor,
} from '@tessera/tensor';
import { init, type Initializer } from './init.ts';
import { Module } from '../module.ts';
import { checkSizes } from './sizes.ts';

/** Options of {@link Conv2d}. A pair is `[vertical, horizontal]`; one number stands for both. */
export interface Conv2dOptions {
  readonly key: Tensor;
  readonly kernelSize: Size2d;
  /** Default 1. */
  readonly stride?: Size2d;
  /** Zeros around the image. Default 0. */
  readonly padding?: Size2d;
  /** Default 1. */
  readonly dilation?: Size2d;
  /** Default 1. */
  readonly groups?: number;
  /** Whether to add a bias. Default true. */
  readonly bias?: boolean;
  /** How the weight starts. Default `kaimingUniform()`, as in PyTorch. */
  readonly init?: Initializer;
  /** How the bias starts. Default zeros. */
  readonly biasInit?: Initializer;
}

/** Options of {@link ConvTranspose2d}. */
export interface ConvTranspose2dOptions extends Conv2dOptions {
  /**
   * Rows added at the bottom of the output, and columns added on its right. With a stride, several sizes of
   * the output fit one size of the input, and this number chooses among them. Default 0.
   */
  readonly outputPadding?: Size2d;
}

/** The options of both convolutions. */
const OPTIONS = [
  'key',
  'kernelSize',
  'stride',
  'padding',
  'dilation',
  'groups',
  'bias',
  'init',
  'biasInit',
] as const;

/**
 * A 2-D convolution (a cross-correlation, as everywhere in deep learning) with one bias per channel.
 *
 * @example
 * const patches = new Conv2d(3, 16, { key: key(0), kernelSize: 4, stride: 4 });
 * patches.forward(ones([1, 3, 32, 32])).shape; // [1, 16, 8, 8]
 */
export class Conv2d extends Module {
  static override readonly name: string = 'Conv2d';
  /** `[out, in / groups, kernel height, kernel width]` */
  readonly weight: Tensor;
  /** `[out]` */
  readonly bias: Tensor | null;
  readonly stride: Size2d;
  readonly padding: Size2d;
  readonly dilation: Size2d;
  readonly groups: number;

  constructor(inChannels: number, outChannels: number, options: Conv2dOptions) {
    super();
    checkOptions('Conv2d', options, OPTIONS);
    const { kernelSize, stride = 1, padding = 0, dilation = 1, groups = 1 } = options;
    checkSizes('Conv2d', { inChannels, outChannels, kernelSize, stride, dilation, groups });
    checkSizes('Conv2d', { padding }, 0);
    checkGroups('Conv2d', inChannels, outChannels, groups);
    const { weight, bias } = startOf(options, outChannels, [outChannels, inChannels / groups]);
    this.weight = weight;
    this.bias = bias;
    this.stride = stride;
    this.padding = padding;
    this.dilation = dilation;
    this.groups = groups;
  }

  /** `[B, in, H, W] → [B, out, H', W']` */
  forward(x: Tensor): Tensor {
    const { stride, padding, dilation, groups } = this;
    const y = conv2d(x, this.weight, { stride, padding, dilation, groups });
    return addBias(y, this.bias);
  }
}

/**
 * The transpose of a {@link Conv2d} with the same options. It leads from the shape of that layer's output
 * back to the shape of its input, as gradients of that layer do. So the stride multiplies the size.
 *
 * Source: Dumoulin & Visin 2016, "A guide to convolution arithmetic for deep learning", chapter 4.
 *
 * @example
 * const grow = new ConvTranspose2d(16, 3, { key: key(0), kernelSize: 4, stride: 2, padding: 1 });
 * grow.forward(ones([1, 16, 8, 8])).shape; // [1, 3, 16, 16]
 */
export class ConvTranspose2d extends Module {
  static override readonly name: string = 'ConvTranspose2d';
  /** `[in, out / groups, kernel height, kernel width]` */
  readonly weight: Tensor;
  /** `[out]` */
  readonly bias: Tensor | null;
  readonly stride: Size2d;
  readonly padding: Size2d;
  readonly outputPadding: Size2d;
  readonly dilation: Size2d;
  readonly groups: number;

  constructor(inChannels: number, outChannels: number, options: ConvTranspose2dOptions) {
    super();
    checkOptions('ConvTranspose2d', options, [...OPTIONS, 'outputPadding']);
    const { kernelSize, stride = 1, padding = 0, dilation = 1, groups = 1 } = options;
    const { outputPadding = 0 } = options;
    checkSizes('ConvTranspose2d', {
      inChannels,
      outChannels,
      kernelSize,
      stride,
      dilation,
      groups,
    });
    checkSizes('ConvTranspose2d', { padding, outputPadding }, 0);
    checkGroups('ConvTranspose2d', inChannels, outChannels, groups);
    const { weight, bias } = startOf(options, outChannels, [inChannels, outChannels / groups]);
    this.weight = weight;
    this.bias = bias;
    this.stride = stride;
    this.padding = padding;
    this.outputPadding = outputPadding;
    this.dilation = dilation;
    this.groups = groups;
  }

  /** `[B, in, H, W] → [B, out, H', W']` */
  forward(x: Tensor): Tensor {
    const { stride, padding, outputPadding, dilation, groups } = this;
    const geometry = { stride, padding, outputPadding, dilation, groups };
    return addBias(convTranspose2d(x, this.weight, geometry), this.bias);
  }
}

/** The weight `[...channels, kernel height, kernel width]` and the bias that a layer starts with. */
function startOf(
  options: Conv2dOptions,
  outChannels: number,
  channels: readonly [number, number],
): { weight: Tensor; bias: Tensor | null } {
  const { kernelSize, bias = true } = options;
  const { init: weightInit = init.kaimingUniform(), biasInit = init.zeros() } = options;
  const [weightKey, biasKey] = split(options.key);
  const window = typeof kernelSize === 'number' ? [kernelSize, kernelSize] : kernelSize;
  return {
    weight: weightInit(weightKey, [...channels, ...window]),
    bias: bias ? biasInit(biasKey, [outChannels]) : null,
  };
}

function addBias(y: Tensor, bias: Tensor | null): Tensor {
  return bias === null ? y : y.add(bias.reshape([-1, 1, 1]));
}

function checkGroups(op: string, inChannels: number, outChannels: number, groups: number): void {
  if (inChannels % groups === 0 && outChannels % groups === 0) return;
  throw new ValueError(
    op,
    `inChannels ${inChannels} and outChannels ${outChannels} do not both divide into ${groups} groups.`,
  );
}
