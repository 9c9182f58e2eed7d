// Spherical interpolation: from one noise to another without leaving the shell where noise lies.

import { acos, checkTensors, formatShape, ShapeError, type Tensor } from '@tessera/tensor';
import { checkWithin } from '../../config/argument-check.ts';

/** Below this sine of their angle two directions count as one, or as opposite: the arc is a straight line. */
const STRAIGHT = 1e-3;

/**
 * Goes from a to b along an arc, sample by sample. With the angle θ between the samples
 *
 *     (sin((1 − u) θ) a + sin(u θ) b) / sin θ
 *
 * Two draws of Gaussian noise are nearly orthogonal and of nearly the same norm, and so is what lies on the arc; a
 * straight line between them would pass through noise that is far too weak. The ends are exact, and the arc from b
 * to a is the same. Samples in the same or in opposite directions have no arc of their own: there the line is straight.
 *
 * Source: Shoemake 1985, "Animating rotation with quaternion curves", section 3.3; for noise of diffusion, Song
 * et al. 2021, "Denoising diffusion implicit models", section 5.3.
 *
 * @param a `[B, ...]`
 * @param b Of the shape of a.
 * @param u The part of the way from a to b, from 0 to 1.
 * @example
 * slerp(tensor([[1, 0]]), tensor([[0, 1]]), 0.5); // [[0.707, 0.707]]
 */
export function slerp(a: Tensor, b: Tensor, u: number): Tensor {
  checkTensors('slerp', { a, b });
  checkWithin('slerp', 'u', u, 0, 1);
  if (formatShape(a.shape) !== formatShape(b.shape)) {
    throw new ShapeError(
      'slerp',
      `a is ${formatShape(a.shape)}, b is ${formatShape(b.shape)}: expected two tensors of one shape.`,
      [a.shape, b.shape],
    );
  }
  const axes = a.shape.slice(1).map((_, axis) => axis + 1);
  const dot = (x: Tensor, y: Tensor): Tensor => x.mul(y).sum(axes, { keepDims: true }); // [B, 1, …]
  const norms = dot(a, a).mul(dot(b, b)).sqrt();
  const cosine = norms.greater(0).where(dot(a, b).div(norms), 1).maximum(-1).minimum(1);
  const angle = acos(cosine);
  const height = angle.sin();
  const curved = height.greater(STRAIGHT);
  const part = (share: number): Tensor =>
    curved.where(angle.mul(share).sin().div(curved.where(height, 1)), share);
  return a.mul(part(1 - u)).add(b.mul(part(u)));
}
