import type { Design } from '../../choices.ts';
import { adaLnZero } from './adaln-zero.ts';
import { adaLn } from './adaln.ts';
import type { BlockDesign } from './block.ts';
import { crossAttention } from './cross-attention.ts';
import { inContext } from './in-context.ts';

/** The four designs of the paper by the name in the configuration. */
export const blockDesigns: Readonly<Record<Design, BlockDesign>> = {
  'in-context': inContext,
  'cross-attention': crossAttention,
  adaln: adaLn,
  'adaln-zero': adaLnZero,
};
