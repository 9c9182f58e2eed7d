// Translates the kernels of a plan to gpu.js kernels, through a table with a row for each operation.

import { kernelIn, type CallKernel, type Kernel } from '../../../plan/kernel.ts';
import type { Plan } from '../../../plan/plan.ts';
import type { FusedParams } from '../../../composites/table.ts';
import type { Conv2dParams } from '../../../primitives/conv2d.ts';
import type { SortParams } from '../../../primitives/sort.ts';
import type { KernelParams } from '../../../primitives/table.ts';
import { sizeOf } from '../../../array/shape.ts';
import { lowerArgsort } from '../rows/argsort.ts';
import { isPartial, lowerAssembly } from '../elementwise/assembly.ts';
import { lowerAttentionGrad } from '../attention/attention-parts.ts';
import { lowerAttention } from '../attention/attention.ts';
import { lowerConv2d, lowerConv2dInput, lowerConv2dWeight } from '../product/conv2d.ts';
import type { Dispatch } from '../kernel/dispatch.ts';
import { lowerGather, lowerScatterAdd } from '../indexing/gather.ts';
import { lowerLayerNormGrad, lowerLayerNormStatistics } from '../rows/layer-norm.ts';
import { Lowering, type KernelLimits } from '../kernel/lowering.ts';
import { lowerMap } from '../elementwise/map.ts';
import { lowerMatmul } from '../product/matmul.ts';
import { lowerIota, lowerRandomBits } from '../indexing/random.ts';
import { lowerReduce } from '../elementwise/reduce.ts';
import {
  lowerLogSoftmax,
  lowerLogSumExp,
  lowerSoftmax,
  lowerSoftmaxGrad,
} from '../rows/softmax.ts';

/** Adds the dispatches of a kernel whose attributes are P. */
type Lower<P> = (lowering: Lowering, kernel: CallKernel, params: P) => void;

/** The composites that have a kernel of their own on devices where threads can share memory. */
const fused: { readonly [N in keyof FusedParams]: Lower<FusedParams[N]> } = {
  softmax: lowerSoftmax,
  softmaxGrad: lowerSoftmaxGrad,
  logSumExp: lowerLogSumExp,
  logSoftmax: lowerLogSoftmax,
  layerNormStatistics: lowerLayerNormStatistics,
  layerNormGrad: lowerLayerNormGrad,
  attention: lowerAttention,
  attentionGrad: lowerAttentionGrad,
};

/**
 * Names of the composites with a kernel of their own. On other devices a kernel computes one element per
 * thread: it would fold the row again for each element, where the decomposed composite folds each row once.
 */
export const fusedComposites: ReadonlySet<string> = new Set(Object.keys(fused));

/** The operations that have a kernel of their own, with their attributes. */
interface CallParams extends KernelParams, Conv2dParams, SortParams, FusedParams {}

const calls: { readonly [N in keyof CallParams]: Lower<CallParams[N]> } = {
  matmul: lowerMatmul,
  conv2d: lowerConv2d,
  conv2dInput: lowerConv2dInput,
  conv2dWeight: lowerConv2dWeight,
  gather: lowerGather,
  scatterAdd: lowerScatterAdd,
  argsort: lowerArgsort,
  iota: lowerIota,
  randomBits: lowerRandomBits,
  ...fused,
};

/** A plan as kernels of gpu.js. */
export interface LoweredPlan {
  readonly dispatches: readonly Dispatch[];
  /** Number of slots. The first slots are the buffers of the plan. */
  readonly slots: number;
}

/**
 * Translates every kernel of a plan. Kernels without elements are left out.
 *
 * @param plan The plan.
 * @param limits Limits of one kernel.
 */
export function lowerPlan(plan: Plan, limits: KernelLimits): LoweredPlan {
  const lowering = new Lowering(plan.buffers, limits);
  for (const group of kernelGroups(plan)) {
    const parts = group.filter((kernel) => kernel.kind === 'map');
    if (isAssembly(group, lowering.sizes)) lowerAssembly(lowering, parts);
    else group.forEach((kernel) => lowerKernel(lowering, kernel));
  }
  return { dispatches: lowering.dispatches, slots: lowering.sizes.length };
}

/** The kernels of a plan in groups: those that write regions of one buffer together, the others alone. */
export function kernelGroups({ kernels, buffers }: Plan): Kernel[][] {
  const sizes = buffers.map(({ size }) => size);
  const groups: Kernel[][] = [];
  for (const kernel of kernels) {
    const last = groups.at(-1);
    const isPart = kernel.kind === 'map' && isPartial(kernel, sizes);
    const continues =
      isPart && last?.[0].kind === 'map' && last[0].outputs[0].buffer === kernel.outputs[0].buffer;
    if (continues) last.push(kernel);
    else groups.push([kernel]);
  }
  return groups;
}

/** Whether a group writes its buffer in several parts, or only a part of it. */
function isAssembly(group: readonly Kernel[], sizes: readonly number[]): boolean {
  return group.some((kernel) => kernel.kind === 'map' && isPartial(kernel, sizes));
}

function lowerKernel(lowering: Lowering, kernel: Kernel): void {
  if (kernel.outputs.every(({ view }) => sizeOf(view.shape) === 0)) return;
  if (kernel.kind === 'map') {
    lowerMap(lowering, kernel);
    return;
  }
  if (kernel.kind === 'reduce') {
    lowerReduce(lowering, kernel);
    return;
  }
  const call: Lower<never> = kernelIn(calls, kernel, 'gpu');
  call(lowering, kernel, kernel.params as never); // an operation and its attributes belong together
}
