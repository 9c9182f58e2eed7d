// The gradient rules of the three convolutions, each of which uses the other two.

import type { Tensor } from '@tessera/tensor';
import {
  apply,
  primitives,
  type Conv2dGeometry,
  type Conv2dParams,
  type Params,
} from '@tessera/tensor/extend';
import { rule, type Application, type VjpEntry } from './rule.ts';

/**
 * Gradients of the convolutions. With ⟨z, conv2d(x, w)⟩ = ⟨conv2dInput(z, w), x⟩ = ⟨conv2dWeight(x, z), w⟩,
 * the three are each other's adjoints, to any order.
 */
export const convolutions: { readonly [N in keyof Conv2dParams]: VjpEntry<Conv2dParams[N]> } = {
  conv2d: rule(
    'y = conv2d(x, w)',
    ['x̄ = conv2dInput(ȳ, w)', 'w̄ = conv2dWeight(x, ȳ)'],
    ([ȳ], application) => {
      const [x, w] = application.inputs;
      return [
        () => conv2dInput(ȳ, w, x.shape, application),
        () => conv2dWeight(x, ȳ, w.shape, application),
      ];
    },
  ),

  conv2dInput: rule(
    'y = conv2dInput(z, w)',
    ['z̄ = conv2d(ȳ, w)', 'w̄ = conv2dWeight(ȳ, z)'],
    ([ȳ], application) => {
      const [z, w] = application.inputs;
      return [() => conv2d(ȳ, w, application), () => conv2dWeight(ȳ, z, w.shape, application)];
    },
  ),

  conv2dWeight: rule(
    'y = conv2dWeight(x, z)',
    ['x̄ = conv2dInput(z, ȳ)', 'z̄ = conv2d(x, ȳ)'],
    ([ȳ], application) => {
      const [x, z] = application.inputs;
      return [() => conv2dInput(z, ȳ, x.shape, application), () => conv2d(x, ȳ, application)];
    },
  ),
};

/** A recorded application of one of the three. Its geometry holds for the other two as well. */
type Convolution = Application<Conv2dGeometry>;

function conv2d(x: Tensor, w: Tensor, { params, operation }: Convolution): Tensor {
  return applyRelative(operation, 'conv2d', [x, w], geometry(params));
}

function conv2dInput(
  z: Tensor,
  w: Tensor,
  [, , height, width]: readonly number[],
  { params, operation }: Convolution,
): Tensor {
  const inputSize = [height, width];
  return applyRelative(operation, 'conv2dInput', [z, w], { ...geometry(params), inputSize });
}

function conv2dWeight(
  x: Tensor,
  z: Tensor,
  [, , height, width]: readonly number[],
  { params, operation }: Convolution,
): Tensor {
  const kernelSize = [height, width];
  return applyRelative(operation, 'conv2dWeight', [x, z], { ...geometry(params), kernelSize });
}

/** Applies one of the three, with the kernels that belong to the recorded one. */
function applyRelative(
  operation: Convolution['operation'],
  name: keyof Conv2dParams,
  inputs: readonly Tensor[],
  params: Params,
): Tensor {
  const relatives = operation?.kind === 'kernel' ? operation.relatives : undefined;
  return apply(relatives?.[name] ?? primitives[name], inputs, params as never)[0];
}

/** The attributes that all three share. */
function geometry({ stride, padding, dilation, groups }: Conv2dGeometry): Conv2dGeometry {
  return { stride, padding, dilation, groups };
}
