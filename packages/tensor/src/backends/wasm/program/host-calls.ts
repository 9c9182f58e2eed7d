// Runs those kernels of a plan that are plain JavaScript, on the memory of the run.

import type { Plan } from '../../../plan/plan.ts';
import type { TypedArray } from '../../../array/dtype.ts';
import type { HostPhase } from '../kernel/kernel-code.ts';
import { FRAME } from './frame.ts';
import { viewMemory } from '../memory/storage.ts';

/** Runs those kernels of a plan that are plain JavaScript, on the memory of the run. */
export class HostCalls {
  readonly #plan: Plan;
  readonly #hosts: ReadonlyMap<number, HostPhase['host']>;
  readonly #memory: WebAssembly.Memory;
  /**
   * The first error that a kernel threw. It waits here for the end, because a run must not stop in the
   * middle.
   */
  #error: Error | null = null;

  constructor(
    plan: Plan,
    hosts: ReadonlyMap<number, HostPhase['host']>,
    memory: WebAssembly.Memory,
  ) {
    this.#plan = plan;
    this.#hosts = hosts;
    this.#memory = memory;
  }

  /** Runs the code of kernel `self − 1`. If it throws, the kernel counts as one that refused a value. */
  readonly call = (frame: number, self: number): void => {
    const words = new Int32Array(this.#memory.buffer, frame);
    const { inputs, outputs } = this.#plan.kernels[self - 1];
    const buffers: TypedArray[] = [];
    for (const { buffer } of [...inputs, ...outputs]) {
      const { dtype, size } = this.#plan.buffers[buffer];
      buffers[buffer] = viewMemory(this.#memory, words[FRAME.buffers / 4 + buffer], dtype, size);
    }
    try {
      this.#hosts.get(self - 1)?.(buffers);
    } catch (error) {
      this.#error ??= error as Error;
      Atomics.compareExchange(words, FRAME.refusingKernel / 4, 0, self);
    }
  };

  /** Throws the error of the last run, if there was one. */
  check(): void {
    const error = this.#error;
    this.#error = null;
    if (error !== null) throw error;
  }
}
