import type { CallKernel, Kernel, MapKernel } from '../../compile/kernel.ts';
import type { Plan } from '../../compile/plan.ts';
import { StateError } from '../../errors.ts';
import type { ContractParams } from '../../primitives/contract.ts';
import type { GatherParams } from '../../primitives/gather.ts';
import type { SourceParams } from '../../primitives/source.ts';
import { sizeOf } from '../../shape.ts';
import { isPartial, lowerAssembly } from './assembly.ts';
import { lowerConv2d, lowerConv2dInput, lowerConv2dWeight } from './conv.ts';
import type { Dispatch } from './dispatch.ts';
import { lowerGather, lowerScatterAdd } from './gather.ts';
import { Lowering, type KernelLimits } from './lowering.ts';
import { lowerMap } from './map.ts';
import { lowerMatmul } from './matmul.ts';
import { lowerIota, lowerRandomBits } from './random.ts';
import { lowerReduce } from './reduce.ts';

/** The operations that have a kernel of their own, with their attributes. */
interface CallParams extends ContractParams, GatherParams, SourceParams {}

const calls: {
  readonly [N in keyof CallParams]: (
    lowering: Lowering,
    kernel: CallKernel,
    params: CallParams[N],
  ) => void;
} = {
  matmul: lowerMatmul,
  conv2d: lowerConv2d,
  conv2dInput: lowerConv2dInput,
  conv2dWeight: lowerConv2dWeight,
  gather: lowerGather,
  scatterAdd: lowerScatterAdd,
  iota: lowerIota,
  randomBits: lowerRandomBits,
};

/** A plan as kernels of gpu.js. */
export interface LoweredPlan {
  readonly dispatches: readonly Dispatch[];
  /** Number of slots; the first ones are the buffers of the plan. */
  readonly slots: number;
}

/**
 * Translates every kernel of a plan. Kernels of no elements vanish.
 *
 * @param plan The plan.
 * @param limits What one kernel may use.
 */
export function lowerPlan(plan: Plan, limits: KernelLimits): LoweredPlan {
  const lowering = new Lowering(plan.buffers, limits);
  for (let at = 0; at < plan.kernels.length;) {
    const parts = partsOfAssembly(plan.kernels, at, lowering.sizes);
    if (parts.length > 0) lowerAssembly(lowering, parts);
    else lowerKernel(lowering, plan.kernels[at]);
    at += Math.max(1, parts.length);
  }
  return { dispatches: lowering.dispatches, slots: lowering.sizes.length };
}

/** The kernels from `at` on that write regions of one buffer; none if the first writes all of it. */
function partsOfAssembly(
  kernels: readonly Kernel[],
  at: number,
  sizes: readonly number[],
): MapKernel[] {
  const parts: MapKernel[] = [];
  for (const kernel of kernels.slice(at)) {
    const [{ buffer }] = kernel.outputs;
    const isFirst = parts.length === 0;
    if (kernel.kind !== 'map' || sizes[buffer] === 0) break;
    if (!isFirst && parts[0].outputs[0].buffer !== buffer) break;
    parts.push(kernel);
  }
  return parts.some((part) => isPartial(part, sizes)) ? parts : [];
}

function lowerKernel(lowering: Lowering, kernel: Kernel): void {
  if (sizeOf(kernel.outputs[0].view.shape) === 0) return;
  if (kernel.kind === 'map') {
    lowerMap(lowering, kernel);
    return;
  }
  if (kernel.kind === 'reduce') {
    lowerReduce(lowering, kernel);
    return;
  }
  const { name } = kernel.operation;
  if (!Object.hasOwn(calls, name)) {
    throw new StateError(
      'prepare',
      `the gpu backend has no kernel for ${name}. Composites that a backend does not list must be decomposed.`,
    );
  }
  const call: (lowering: Lowering, kernel: CallKernel, params: never) => void =
    calls[name as keyof CallParams];
  call(lowering, kernel, kernel.params as never); // an operation and its attributes belong together
}
