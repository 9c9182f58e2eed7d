// What a model hears between two sets of conditions: the line from one to the other.

import type { Tensor } from '@tessera/tensor';
import type { Branch, ContextTokens } from './condition.ts';
import type { Contributions } from './conditions.ts';

/** All that a model hears beside the timestep. */
export interface Heard extends Contributions {
  /** `[B, D]`, the embedding of the label. */
  readonly label: Tensor;
}

/**
 * Goes from one conditioning to another, sample by sample: `(1 − share) from + share to`, for the embedding of the
 * label, for vectors, for what is added to patches, and token by token. Both have the same parts, since a condition
 * that is left out has its null. Tokens and branches speak where either side does; at the ends, only that side.
 *
 * @param share float32 `[B]`, from 0 to 1. At 0 the result is `from`, at 1 it is `to`.
 */
export function blend(from: Heard, to: Heard, share: Tensor): Heard {
  const between = (a: Tensor, b: Tensor): Tensor => {
    const part = share.reshape([-1, ...a.shape.slice(1).map(() => 1)]);
    return a.mul(part.neg().add(1)).add(b.mul(part));
  };
  const both = (a: Tensor | null, b: Tensor | null): Tensor | null =>
    a === null || b === null ? null : between(a, b);
  return {
    label: between(from.label, to.label),
    vector: both(from.vector, to.vector),
    patches: both(from.patches, to.patches),
    tokens: blendTokens(from.tokens, to.tokens, share, between),
    branches: from.branches.map((branch, i): Branch => ({
      ...branch,
      patches: between(branch.patches, to.branches[i].patches),
      heard: speaks(branch.heard, to.branches[i].heard, share),
    })),
  };
}

/** Where either side speaks; at the ends, only that side. */
function speaks(from: Tensor, to: Tensor, share: Tensor): Tensor {
  return from.and(share.less(1)).or(to.and(share.greater(0)));
}

function blendTokens(
  from: ContextTokens | null,
  to: ContextTokens | null,
  share: Tensor,
  between: (a: Tensor, b: Tensor) => Tensor,
): ContextTokens | null {
  if (from === null || to === null) return null;
  return {
    values: between(from.values, to.values),
    mask: speaks(from.mask, to.mask, share.unsqueeze(1)),
  };
}
