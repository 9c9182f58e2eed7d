// The convolution primitives together with their kernels, so that only users of conv2d load them.

import {
  conv2d as conv2dOnCpu,
  conv2dInput as conv2dInputOnCpu,
  conv2dWeight as conv2dWeightOnCpu,
} from '../../backends/cpu/conv2d.ts';
import { conv2dWeight as conv2dWeightOnWasm } from '../../backends/wasm/conv2d/conv2d-weight.ts';
import {
  conv2d as conv2dOnWasm,
  conv2dInput as conv2dInputOnWasm,
} from '../../backends/wasm/conv2d/conv2d.ts';
import { conv2d as primitives, type Conv2dParams } from '../../primitives/conv2d.ts';
import type { KernelPrimitive, Params } from '../../primitives/primitive.ts';

type Convolutions = { readonly [N in keyof Conv2dParams]: KernelPrimitive<Conv2dParams[N]> };

/**
 * The convolutions with their kernels for `cpu` and `wasm`, a tenth of the package. A page without
 * convolutions does not load them.
 *
 * @example
 * const geometry = { stride: [1, 1], padding: [0, 0], dilation: [1, 1], groups: 1 } as const;
 * apply(convolutions.conv2d, [ones([1, 1, 3, 3]), ones([1, 1, 3, 3])], geometry)[0]; // [[[[9]]]]
 */
export const convolutions: Convolutions = {
  conv2d: bringing(primitives.conv2d, { cpu: conv2dOnCpu, wasm: conv2dOnWasm }),
  conv2dInput: bringing(primitives.conv2dInput, {
    cpu: conv2dInputOnCpu,
    wasm: conv2dInputOnWasm,
  }),
  conv2dWeight: bringing(primitives.conv2dWeight, {
    cpu: conv2dWeightOnCpu,
    wasm: conv2dWeightOnWasm,
  }),
};

/** A convolution with its kernels, which leads to the other two with theirs. */
function bringing<P extends Params>(
  primitive: KernelPrimitive<P>,
  kernels: NonNullable<KernelPrimitive<P>['kernels']>,
): KernelPrimitive<P> {
  return {
    ...primitive,
    kernels,
    get relatives(): Convolutions {
      return convolutions;
    },
  };
}
