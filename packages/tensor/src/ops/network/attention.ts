// attention: scaled dot-product attention with an optional mask, or causal.

import { checkOptions, checkTensors } from '../../arguments.ts';
import { composites } from '../../composites/table.ts';
import { ones } from '../../create.ts';
import { apply } from '../../interpreter.ts';
import { expectDType } from '../../array/dtype.ts';
import { formatShape, ShapeError, ValueError } from '../../errors.ts';
import { broadcastShapes, sameShape } from '../../array/shape.ts';
import type { Tensor } from '../../tensor.ts';
import { softmax } from './softmax.ts';
import { tril } from '../arrangement/triangle.ts';

/** Options of {@link attention}. */
export interface AttentionOptions {
  /** Factor of the logits. Default `1/√E`. */
  readonly scale?: number;
  /**
   * Which query may look at which key, `[..., T, S]`. A bool tensor is true where it may. A float32 tensor is
   * added to the logits (−∞ where it may not). Default: every query at every key.
   */
  readonly mask?: Tensor | null;
  /** Whether query i may look only at keys 0 to i. Default false. */
  readonly causal?: boolean;
}

/**
 * Scaled dot-product attention `softmax(scale · q kᵀ + mask) v`: q `[..., T, E]`, k `[..., S, E]` and
 * v `[..., S, F]` give `[..., T, F]`; batch dimensions broadcast.
 *
 * A query that may look at no key gets a result of 0 and passes no gradient.
 *
 * Source: Vaswani et al. 2017, "Attention is all you need", equation 1.
 *
 * @throws ShapeError if the tensors do not fit each other.
 * @example
 * const x = normal(key(1), [2, 8, 16]); // [B, T, E]
 * attention(x, x, x, { causal: true }); // float32[2, 8, 16]
 */
export function attention(q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions = {}): Tensor {
  checkTensors('attention', { q, k, v });
  checkOptions('attention', options, ['scale', 'mask', 'causal']);
  const { scale = 1 / Math.sqrt(q.shape[q.rank - 1]), mask = null, causal = false } = options;
  if (!Number.isFinite(scale) && q.rank > 0) {
    const width = options.scale === undefined ? ' for width 0' : '';
    throw new ValueError('attention', `scale must be finite, but is ${scale}${width}.`);
  }
  const shapes = [q, k, v].map(({ shape }) => shape.slice(0, -2));
  const batch = broadcastShapes('attention (batch dimensions)', ...shapes);
  const inputs = [q, k, v].map((x) => x.expand([...batch, ...x.shape.slice(-2)]));
  if (mask === null && !causal) return apply(composites.attention, inputs, { scale })[0];
  composites.attention.infer(inputs, { scale }); // throws the same errors
  const logits = inputs[0].matmul(inputs[1].transpose()).mul(scale); // [..., T, S]
  return maskedSoftmax(logits, mask, causal).matmul(inputs[2]);
}

/** Stands for −∞, since −∞ − (−∞) is NaN. It is so low that its exponential is 0 … */
const HIDDEN = -1e38;
/** … even next to the lowest visible logit, which an additive mask can lower to this. */
const LOWEST = -1e30;

/** `softmax(logits + mask)`, with rows of zeros for queries that may look at no key. */
function maskedSoftmax(logits: Tensor, mask: Tensor | null, causal: boolean): Tensor {
  const everywhere = ones(logits.shape.slice(-2), 'bool'); // [T, S]
  let visible = causal ? tril(everywhere) : everywhere;
  let shifted = logits;
  if (mask !== null) {
    checkTensors('attention', { mask });
    checkMask(logits.shape, mask);
    const isBool = mask.dtype === 'bool';
    const shown = isBool ? mask : mask.greater(-Infinity);
    visible = visible.and(shown);
    if (!isBool) shifted = logits.add(shown.where(mask, 0));
  }
  return visible.where(softmax(visible.where(shifted.maximum(LOWEST), HIDDEN)), 0);
}

function checkMask(logits: readonly number[], mask: Tensor): void {
  expectDType('attention (mask)', mask.dtype, ['bool', 'float32']);
  if (sameShape(broadcastShapes('attention (mask)', logits, mask.shape), logits)) return;
  throw new ShapeError(
    'attention (mask)',
    `the mask ${formatShape(mask.shape)} does not broadcast to the logits ${formatShape(logits)}: [..., T, S] expected.`,
    [mask.shape, logits],
  );
}
