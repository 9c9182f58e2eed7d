// The table from operations to the functions that emit their WebAssembly kernels.

import { kernelIn, type CallKernel, type Kernel } from '../../plan/kernel.ts';
import type { FusedParams } from '../../composites/table.ts';
import type { KernelParams } from '../../primitives/table.ts';
import { attentionGrad } from './attention/attention-grad.ts';
import { attention } from './attention/attention.ts';
import { map } from './elementwise/map.ts';
import { reduce } from './elementwise/reduce.ts';
import { gather } from './indexing/gather.ts';
import { scatterAdd } from './indexing/scatter-add.ts';
import { iota, randomBits } from './indexing/source.ts';
import type { KernelCode, Target } from './kernel/kernel-code.ts';
import { matmul } from './product/matmul.ts';
import { layerNormGrad, layerNormStatistics } from './rows/layer-norm.ts';
import { logSoftmax, logSumExp, softmax, softmaxGrad } from './rows/softmax.ts';

/** The composites that have a kernel of their own. */
const fused: {
  readonly [N in keyof FusedParams]: (
    kernel: CallKernel,
    params: FusedParams[N],
    target: Target,
  ) => KernelCode;
} = {
  softmax,
  softmaxGrad,
  logSumExp,
  logSoftmax,
  layerNormStatistics,
  layerNormGrad,
  attention,
  attentionGrad,
};

/** The operations that have a kernel of their own, with their attributes. */
interface CallParams extends KernelParams, FusedParams {}

const calls: {
  readonly [N in keyof CallParams]: (
    kernel: CallKernel,
    params: CallParams[N],
    target: Target,
  ) => KernelCode;
} = { matmul, gather, scatterAdd, iota, randomBits, ...fused };

/** The names of the composites that have a kernel of their own. */
export const fusedComposites: ReadonlySet<string> = new Set(Object.keys(fused));

/** The code of a kernel. */
export function codeOf(kernel: Kernel, target: Target): KernelCode {
  if (kernel.kind === 'map') return map(kernel);
  if (kernel.kind === 'reduce') return reduce(kernel);
  const { operation, params } = kernel;
  if (operation.kind === 'kernel' && operation.kernels)
    return operation.kernels.wasm(kernel, params, target);
  const call: (kernel: CallKernel, params: never, target: Target) => KernelCode = kernelIn(
    calls,
    kernel,
    'wasm',
  );
  return call(kernel, params as never, target); // an operation and its attributes belong together
}
