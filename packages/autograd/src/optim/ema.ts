// The exponential moving average of a model's parameters.

import {
  checkTensors,
  formatSpec,
  ShapeError,
  StateError,
  tree,
  ValueError,
  type Tensor,
} from '@tessera/tensor';
import { namedLeaves } from '../leaves.ts';

/**
 * An exponential moving average of a model: `e ← d·e + (1 − d)·p` for each trainable tensor. All other
 * tensors (buffers, int32 and bool) are taken from `params`. Start with the model itself.
 *
 * It is computed as the nearer of e and p plus a part of their difference. So it is exactly p at d = 0 and e
 * at d = 1, does not change if both are equal, and never overflows.
 *
 * Source: Polyak & Juditsky 1992, "Acceleration of stochastic approximation by averaging".
 *
 * @param average The average so far, a tree like `params`.
 * @param decay d, a number or a scalar tensor.
 * @throws StateError if the trees differ.
 * @example
 * emaUpdate(tensor([8, 0]), tensor([4, 4]), 0.75); // [7, 1]
 */
export function emaUpdate<T>(average: T, params: T, decay: number | Tensor): T {
  if (typeof decay === 'number') checkDecay('emaUpdate', decay);
  else checkTensors('emaUpdate', { decay });
  const old = namedLeaves(average);
  const leaves = namedLeaves(params);
  if (old.length !== leaves.length || old.some(({ path }, i) => path !== leaves[i].path)) {
    throw new StateError(
      'emaUpdate',
      'the average and the parameters are different trees. Start with the parameters.',
    );
  }
  const between = typeof decay === 'number' ? mixer(decay) : tensorMixer(decay);
  const updated = leaves.map(({ path, tensor: p, trainable }, i) => {
    const e = old[i].tensor;
    if (formatSpec(e) !== formatSpec(p)) {
      throw new ShapeError(
        'emaUpdate',
        `'${path}' is ${formatSpec(p)}, its average ${formatSpec(e)}.`,
        [p.shape, e.shape],
      );
    }
    return trainable ? between(e, p) : p;
  });
  return tree.flatten(params).unflatten(updated);
}

/** `d·e + (1 − d)·p` of e and p. */
type Mixer = (e: Tensor, p: Tensor) => Tensor;

function mixer(d: number): Mixer {
  if (d === 1) return (e) => e;
  if (d === 0) return (_e, p) => p;
  return d >= 0.5 ? (e, p) => towards(e, e, p, 1 - d) : (e, p) => towards(p, e, p, -d);
}

function tensorMixer(d: Tensor): Mixer {
  const isNearOld = d.greaterEqual(0.5);
  const share = isNearOld.where(d.neg().add(1), d.neg());
  return (e, p) => towards(isNearOld.where(e, p), e, p, share);
}

/** `start + share · (p − e)` */
function towards(start: Tensor, e: Tensor, p: Tensor, share: Tensor | number): Tensor {
  return start.add(p.mul(share).sub(e.mul(share)));
}

/**
 * The decay with which a young average follows quickly: `min(maximum, (1 + k) / (10 + k))`.
 *
 * @param step k, the scalar count of earlier averaging steps (0 at the first step).
 * @example
 * emaDecay(scalar(8, 'int32'), 0.999); // 0.5
 */
export function emaDecay(step: Tensor, maximum: number): Tensor {
  checkTensors('emaDecay', { step });
  checkDecay('emaDecay', maximum);
  const k = step.cast('float32');
  return k.add(1).div(k.add(10)).minimum(maximum);
}

function checkDecay(op: string, decay: number): void {
  if (decay >= 0 && decay <= 1) return;
  throw new ValueError(op, `the decay must lie in [0, 1], but is ${decay}.`);
}
