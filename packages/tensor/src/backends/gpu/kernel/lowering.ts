// Collects the gpu.js kernels of a plan, and hands out memory slots for values in between.

import type { CallKernel } from '../../../plan/kernel.ts';
import type { DType } from '../../../array/dtype.ts';
import type { Dispatch } from './dispatch.ts';
import type { SlotSizes } from './writer.ts';

/** What a device allows of one kernel. */
export interface KernelLimits {
  /** Arrays that a kernel can read. */
  readonly inputs: number;
}

/** What a call reads and writes. */
export type CallOperands = Pick<CallKernel, 'inputs' | 'outputs'>;

/** Collects the dispatches of a plan, and gives out slots for values in between. */
export class Lowering {
  readonly dispatches: Dispatch[] = [];
  readonly limits: KernelLimits;
  private readonly elements: number[];
  private readonly dtypes: DType[];

  constructor(
    buffers: readonly { readonly size: number; readonly dtype: DType }[],
    limits: KernelLimits,
  ) {
    this.elements = buffers.map(({ size }) => size);
    this.dtypes = buffers.map(({ dtype }) => dtype);
    this.limits = limits;
  }

  /** Elements of every slot. */
  get sizes(): SlotSizes {
    return this.elements;
  }

  /** A slot for `size` elements that only the kernels to come use. */
  temporary(dtype: DType, size: number): number {
    this.dtypes.push(dtype);
    return this.elements.push(size) - 1;
  }

  add(dispatch: Dispatch): void {
    this.dispatches.push(dispatch);
  }
}
