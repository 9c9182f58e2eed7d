// The linear layer, x Wᵀ + b.

import { checkOptions, linear, split, type Tensor } from '@tessera/tensor';
import { init, type Initializer } from './init.ts';
import { Module } from '../module.ts';
import { checkSizes } from './sizes.ts';

/** Options of {@link Linear}. */
export interface LinearOptions {
  readonly key: Tensor;
  /** Whether to add a bias. Default true. */
  readonly bias?: boolean;
  /** The first weight. Default `kaimingUniform()`, PyTorch's. */
  readonly init?: Initializer;
  /** The first bias. Default zeros. */
  readonly biasInit?: Initializer;
}

/**
 * An affine map of the last axis, `y = x Wᵀ + b`.
 *
 * @example
 * const layer = new Linear(4, 2, { key: key(0) });
 * layer.forward(ones([3, 4])).shape; // [3, 2]
 */
export class Linear extends Module {
  static override readonly name: string = 'Linear';
  /** `[out, in]` */
  readonly weight: Tensor;
  /** `[out]` */
  readonly bias: Tensor | null;

  constructor(inFeatures: number, outFeatures: number, options: LinearOptions) {
    super();
    checkSizes('Linear', { inFeatures, outFeatures });
    checkOptions('Linear', options, ['key', 'bias', 'init', 'biasInit']);
    const [weightKey, biasKey] = split(options.key);
    const {
      bias = true,
      init: weightInit = init.kaimingUniform(),
      biasInit = init.zeros(),
    } = options;
    this.weight = weightInit(weightKey, [outFeatures, inFeatures]);
    this.bias = bias ? biasInit(biasKey, [outFeatures]) : null;
  }

  /** `[..., in] → [..., out]` */
  forward(x: Tensor): Tensor {
    return linear(x, this.weight, this.bias ?? undefined);
  }
}
