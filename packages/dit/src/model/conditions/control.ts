// A map over the image as a branch of blocks beside the model's own: a ControlNet.

import { init, Linear } from '@tessera/autograd/nn';
import type { Tensor } from '@tessera/tensor';
import { sidesOf } from '../../config/ranges.ts';
import type { ControlConditionConfig } from '../../config/condition.ts';
import type { Block, BlockDesign, BlockSizes } from '../blocks/block.ts';
import { splitInitialization, type Initialization } from '../initialization.ts';
import { Condition, type Contribution, type ValueKind } from './condition.ts';
import { mapPatches, NO_PIXEL } from './map.ts';

/** What a branch is made of beside its configuration. */
export interface BranchShape {
  readonly design: BlockDesign;
  readonly sizes: BlockSizes;
  /** Side of the patch of a map, in pixels of the map. */
  readonly patchSize: number;
}

/**
 * A map over the image, as `MapCondition` takes it, that a branch of N blocks reads: float32 `[B, Cm, M, M]`. The
 * branch gets the patches of the latent with those of the map added. What its i-th block gives is added behind the
 * model's i-th block, after a linear layer that starts at zero. The branch is silent where the map is the null,
 * so the model then computes what it does without a branch.
 *
 * Sources: Zhang et al. 2023, "Adding conditional control to text-to-image diffusion models", section 3.1; Chen et
 * al. 2024, "PixArt-δ: fast and controllable image generation with latent consistency models", section 5, for
 * transformers.
 *
 * @example
 * const digits = DiT.init({ ...zoo['DiT-S/8'], depth: 2, numClasses: 10 }, key(0));
 * const control = { name: 'depth', size: 256, channels: 1, blocks: 1, dropoutProb: 0 };
 * withControl(digits, control, key(1)).conditions.depth.values.shape; // [1, 256, 256]
 */
export class ControlCondition extends Condition {
  static override readonly name: string = 'ControlCondition';
  /** Patches of the map to tokens. It starts at zero. */
  readonly columns: Linear;
  readonly blocks: readonly Block[];
  /** What each block gives to the model. They start at zero. */
  readonly outputs: readonly Linear[];
  readonly values: ValueKind;
  readonly patchSize: number;

  constructor(
    { size, channels, blocks, dropoutProb }: ControlConditionConfig,
    { design, sizes, patchSize }: BranchShape,
    initialization: Initialization,
  ) {
    super();
    const { key } = initialization;
    const { width } = sizes;
    const zero = { key, init: init.zeros() };
    this.columns = new Linear(2 * channels * patchSize ** 2, width, { ...zero, bias: false });
    this.blocks = splitInitialization(initialization, blocks).map((own) =>
      design.createBlock(sizes, own),
    );
    this.outputs = this.blocks.map(() => new Linear(width, width, zero));
    const shape = [channels, ...sidesOf(size)];
    this.values = { shape, dtype: 'float32', nullElement: NO_PIXEL, dropoutProb };
    this.patchSize = patchSize;
  }

  /** float32 `[B, Cm, M, M]` */
  forward(map: Tensor): Contribution {
    const { blocks, outputs } = this;
    const patches = this.columns.forward(mapPatches(map, this.patchSize)); // [B, T, D]
    const heard = map.greaterEqual(0).cast('int32').flatten(1).max(1).greater(0); // [B]
    return { branch: { patches, heard, blocks, outputs } };
  }
}
