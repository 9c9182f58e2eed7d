// LeNet-5, which reads images and gives the features that the quality of samples is measured in.

import { kindOf, maxPool2d, split, ValueError, type Tensor } from '@tessera/tensor';
import { Conv2d, Linear, Module } from '@tessera/autograd/nn';
import { checkWhole } from '../config/argument-check.ts';

/** Sides of both kernels. */
const KERNEL = 5;

/** Length of the features: the units of the last hidden layer. */
export const FEATURES = 84;

/** The sizes of a {@link LeNet}. */
export interface LeNetOptions {
  /** Channels of an image: 1 for grey, 3 for colour. */
  readonly channels: number;
  /** Side of an image in pixels: 16 or more, divisible by 4. */
  readonly side: number;
  /** Number of classes. */
  readonly classes: number;
  /** Key of the random weights. */
  readonly key: Tensor;
}

/** The units that the first hidden layer reads: those of two convolutions that are pooled. */
function pooledUnits(side: number): number {
  return 16 * (((side - KERNEL + 1) / 2 - KERNEL + 1) / 2) ** 2;
}

/** Number of the weights and biases of a {@link LeNet}. */
export function lenetSize({ channels, side, classes }: Omit<LeNetOptions, 'key'>): number {
  const layer = (inputs: number, outputs: number): number => (inputs + 1) * outputs;
  const kernels = layer(channels * KERNEL ** 2, 6) + layer(6 * KERNEL ** 2, 16);
  return kernels + layer(pooledUnits(side), 120) + layer(120, FEATURES) + layer(FEATURES, classes);
}

/**
 * LeNet-5 with rectifiers, maximum pooling and dense connections between its maps. It reads images of about
 * -1 to 1.
 *
 * Source: LeCun, Bottou, Bengio & Haffner 1998, "Gradient-based learning applied to document recognition",
 * section II.
 *
 * @example
 * const { lenet } = await readRuler();
 * lenet.features(zeros([2, 1, 32, 32])).shape; // [2, 84]
 */
export class LeNet extends Module {
  readonly conv1: Conv2d;
  readonly conv2: Conv2d;
  readonly hidden1: Linear;
  readonly hidden2: Linear;
  readonly head: Linear;

  constructor(options: LeNetOptions) {
    super();
    const { channels, side, classes, key } = options;
    checkWhole('LeNet', 'channels', channels, 1);
    checkWhole('LeNet', 'classes', classes, 1);
    if (!Number.isInteger(side) || side < 16 || side % 4 !== 0) {
      throw new ValueError(
        'LeNet',
        `side must be a whole number of at least 16 that 4 divides, but is ${kindOf(side)}.`,
      );
    }
    const [a, b, c, d, e] = split(key, 5);
    this.conv1 = new Conv2d(channels, 6, { key: a, kernelSize: KERNEL });
    this.conv2 = new Conv2d(6, 16, { key: b, kernelSize: KERNEL });
    this.hidden1 = new Linear(pooledUnits(side), 120, { key: c });
    this.hidden2 = new Linear(120, FEATURES, { key: d });
    this.head = new Linear(FEATURES, classes, { key: e });
  }

  /** `[B, C, S, S] → [B, 84]`: the last hidden layer, none below 0 */
  features(images: Tensor): Tensor {
    const first = maxPool2d(this.conv1.forward(images).maximum(0), 2); // [B, 6, (S-4)/2, (S-4)/2]
    const second = maxPool2d(this.conv2.forward(first).maximum(0), 2);
    const hidden = this.hidden1.forward(second.flatten(1)).maximum(0); // [B, 120]
    return this.hidden2.forward(hidden).maximum(0);
  }

  /** `[B, C, S, S] → [B, K]` logits */
  forward(images: Tensor): Tensor {
    return this.head.forward(this.features(images));
  }
}
