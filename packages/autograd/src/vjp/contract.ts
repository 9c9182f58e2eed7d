import type { Tensor } from '@tessera/tensor';
import { apply, primitives, type PrimitiveParams } from '@tessera/tensor/extend';
import { rule, type VjpEntry } from './rule.ts';

type ContractName = 'matmul' | 'conv2d' | 'conv2dInput' | 'conv2dWeight';

type Geometry = PrimitiveParams['conv2d'];

/**
 * Gradients of the contractions. With ⟨z, conv2d(x, w)⟩ = ⟨conv2dInput(z, w), x⟩ =
 * ⟨conv2dWeight(x, z), w⟩, the three convolutions are each other's adjoints, to any order.
 */
export const contract: { readonly [N in ContractName]: VjpEntry<PrimitiveParams[N]> } = {
  matmul: rule('y = a b', ['ā = ȳ bᵀ', 'b̄ = aᵀ ȳ'], ([ȳ], { inputs: [a, b] }) => [
    () => ȳ.matmul(b.transpose()),
    () => a.transpose().matmul(ȳ),
  ]),

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

function conv2d(x: Tensor, w: Tensor, params: Geometry): Tensor {
  return apply(primitives.conv2d, [x, w], geometry(params))[0];
}

function conv2dInput(
  z: Tensor,
  w: Tensor,
  params: Geometry,
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
  params: Geometry,
  [, , height, width]: readonly number[],
): Tensor {
  return apply(primitives.conv2dWeight, [x, z], {
    ...geometry(params),
    kernelSize: [height, width] as const,
  })[0];
}

/** The part of the attributes that all three convolutions share. */
function geometry({ stride, padding, dilation, groups }: Geometry): Geometry {
  return { stride, padding, dilation, groups };
}
