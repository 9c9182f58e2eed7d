// The list of the block designs by name.

import type { Design } from '../../config/choices.ts';
import { adaLnZero } from './adaln-zero.ts';
import { adaLn } from './adaln.ts';
import type { BlockDesign } from './block.ts';
import { crossAttention } from './cross-attention.ts';
import { inContext } from './in-context.ts';
import { modern } from './modern.ts';

/**
 * The four designs of the paper, and a modern one, by their names in the configuration.
 *
 * @example
 * const { adaptiveFinalLayer, condition } = blockDesigns['in-context'];
 * adaptiveFinalLayer; // false
 * condition(ones([2, 8]), ones([2, 8])); // float32[2, 2, 8]
 */
export const blockDesigns: Readonly<Record<Design, BlockDesign>> = {
  'in-context': inContext,
  'cross-attention': crossAttention,
  adaln: adaLn,
  'adaln-zero': adaLnZero,
  modern,
};
