// Collects the gpu.js kernels of a plan, and gives out memory slots for intermediate values.

import type { CallKernel } from '../../../plan/kernel.ts';
import type { DType } from '../../../array/dtype.ts';
import type { Dispatch } from './dispatch.ts';
import type { SlotSizes } from './writer.ts';

/** Limits of a device for one kernel. */
export interface KernelLimits {
  /** Arrays that a kernel can read. */
  readonly inputs: number;
}

/** The inputs and outputs of a call. */
export type CallOperands = Pick<CallKernel, 'inputs' | 'outputs'>;

/** Collects the dispatches of a plan, and gives out slots for intermediate values. */
export class Lowering {
  readonly dispatches: Dispatch[] = [];
  readonly limits: KernelLimits;
  readonly #elements: number[];
  readonly #dtypes: DType[];

  constructor(
    buffers: readonly { readonly size: number; readonly dtype: DType }[],
    limits: KernelLimits,
  ) {
    this.#elements = buffers.map(({ size }) => size);
    this.#dtypes = buffers.map(({ dtype }) => dtype);
    this.limits = limits;
  }

  /** Number of elements of every slot. */
  get sizes(): SlotSizes {
    return this.#elements;
  }

  /** Reserves a slot of `size` elements for an intermediate value, and returns its index. */
  temporary(dtype: DType, size: number): number {
    this.#dtypes.push(dtype);
    return this.#elements.push(size) - 1;
  }

  add(dispatch: Dispatch): void {
    this.dispatches.push(dispatch);
  }
}
