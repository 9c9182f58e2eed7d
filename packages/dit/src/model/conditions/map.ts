// A map over the image as a condition: further channels of the latent, whose weights start at zero.

import { init, Linear } from '@tessera/autograd/nn';
import { concat, type Tensor } from '@tessera/tensor';
import type { MapConditionConfig } from '../../config/condition.ts';
import { sidesOf } from '../../config/ranges.ts';
import type { Initialization } from '../initialization.ts';
import { patchify } from '../patchify.ts';
import { Condition, type Contribution, type ValueKind } from './condition.ts';

/** Stands for an unknown pixel. Any negative value does. */
export const NO_PIXEL = -1;

/**
 * A map over the image, such as depth, edges, the image in low resolution, or what is known of it: float32
 * `[B, Cm, Hm, Wm]` in [0, 1]. A negative pixel is unknown; a map of nothing else is the null. Beside each channel stands a second one that
 * is 1 where the pixel is known.
 *
 * The map is cut into as many patches as the latent. A linear layer from a patch of the map is added to the
 * embedding of the latent's patch. This is the same as more channels of the latent with more columns in the
 * patch embedding. These columns start at zero, and they have a tensor of their own, `columns.weight`.
 *
 * Source: Brooks et al. 2023, "InstructPix2Pix: learning to follow image editing instructions", section 3.2:
 * further input channels whose weights start at zero.
 *
 * @param patchSize side of the patch of a map, in pixels of the map
 */
export class MapCondition extends Condition {
  static override readonly name: string = 'MapCondition';
  readonly columns: Linear;
  readonly values: ValueKind;
  readonly patchSize: number;

  constructor(
    config: MapConditionConfig,
    width: number,
    patchSize: number,
    { key }: Initialization,
  ) {
    super();
    const { size, channels, dropoutProb } = config;
    this.columns = new Linear(2 * channels * patchSize ** 2, width, {
      key,
      init: init.zeros(),
      bias: false,
    });
    const shape = [channels, ...sidesOf(size)];
    this.values = { shape, dtype: 'float32', nullElement: NO_PIXEL, dropoutProb };
    this.patchSize = patchSize;
  }

  /** float32 `[B, Cm, Hm, Wm]` */
  forward(map: Tensor): Contribution {
    return { patches: this.columns.forward(mapPatches(map, this.patchSize)) }; // [B, T, D]
  }
}

/** Patches of a map and of what is known of it: `[B, Cm, M, M] → [B, T, 2 · Cm · P · P]`. */
export function mapPatches(map: Tensor, patchSize: number): Tensor {
  const known = map.greaterEqual(0);
  return patchify(concat([known.where(map, 0), known.cast('float32')], 1), patchSize);
}
