import type { Tensor } from '@tessera/tensor';
import { apply, primitives, type Conv2dGeometry, type Conv2dParams } from '@tessera/tensor/extend';
import { rule, type VjpEntry } from './rule.ts';

/**
 * Gradients of the convolutions. With ⟨z, conv2d(x, w)⟩ = ⟨conv2dInput(z, w), x⟩ = ⟨conv2dWeight(x, z), w⟩,
 * the three are each other's adjoints, to any order.
 */
export const convolutions: { readonly [N in keyof Conv2dParams]: VjpEntry<Conv2dParams[N]> } = {
  conv2d: rule(
    'y = conv2d(x, w)',
    ['x̄ = conv2dInput(ȳ, w)', 'w̄ = conv2dWeight(x, ȳ)'],
    ([ȳ], { inputs: [x, w], params }) => [
      () => conv2dInput(ȳ, w, params, x.shape),
      () => conv2dWeight(x, ȳ, params, w.shape),
    ],
  ),

  conv2dInput: rule(
    'y = conv2dInput(z, w)',
    ['z̄ = conv2d(ȳ, w)', 'w̄ = conv2dWeight(ȳ, z)'],
    ([ȳ], { inputs: [z, w], params }) => [
      () => conv2d(ȳ, w, params),
      () => conv2dWeight(ȳ, z, params, w.shape),
    ],
  ),

  conv2dWeight: rule(
    'y = conv2dWeight(x, z)',
    ['x̄ = conv2dInput(z, ȳ)', 'z̄ = conv2d(x, ȳ)'],
    ([ȳ], { inputs: [x, z], params }) => [
      () => conv2dInput(z, ȳ, params, x.shape),
      () => conv2d(x, ȳ, params),
    ],
  ),
};

function conv2d(x: Tensor, w: Tensor, params: Conv2dGeometry): Tensor {
  return apply(primitives.conv2d, [x, w], geometry(params))[0];
}

function conv2dInput(
  z: Tensor,
  w: Tensor,
  params: Conv2dGeometry,
  [, , height, width]: readonly number[],
): Tensor {
  return apply(primitives.conv2dInput, [z, w], {
    ...geometry(params),
    inputSize: [height, width] as const,
  })[0];
}

function conv2dWeight(
  x: Tensor,
  z: Tensor,
  params: Conv2dGeometry,
  [, , height, width]: readonly number[],
): Tensor {
  return apply(primitives.conv2dWeight, [x, z], {
    ...geometry(params),
    kernelSize: [height, width] as const,
  })[0];
}

/** The part of the attributes that all three convolutions share. */
function geometry({ stride, padding, dilation, groups }: Conv2dGeometry): Conv2dGeometry {
  return { stride, padding, dilation, groups };
}
