// Pools GPU buffers by size, so that freed ones are used again.

import { NO_MEMORY, type DeviceWatch } from '../device/device-watch.ts';
import type { MemoryUse } from '../device/engine.ts';
import { Outcome } from '../device/outcome.ts';

/** Buffer sizes per octave: rounded sizes let a freed buffer fit the next request. */
const STEPS = 4;
const SMALLEST = 256;

/** A buffer of a pool, with the outcome of its allocation. */
export interface PooledBuffer {
  readonly buffer: GPUBuffer;
  readonly outcome: Outcome;
}

/** Storage buffers of a device, by size. A freed buffer is used again; its old contents are not cleared. */
export class BufferPool {
  readonly #device: GPUDevice;
  readonly #watch: DeviceWatch;
  readonly #usage: number;
  readonly #free = new Map<number, PooledBuffer[]>();
  #buffers = 0;
  #bytes = 0;

  /**
   * @param device The device.
   * @param watch Catches the device's errors.
   * @param usage Usage flags of every buffer.
   */
  constructor(device: GPUDevice, watch: DeviceWatch, usage: number) {
    this.#device = device;
    this.#watch = watch;
    this.#usage = usage;
  }

  /** A buffer of at least `bytes` with unspecified contents, for the operation `op`. */
  take(op: string, bytes: number): PooledBuffer {
    const size = classOf(bytes);
    const list = this.#free.get(size) ?? [];
    for (let known = list.pop(); known !== undefined; known = list.pop()) {
      if (known.outcome.failure === null) return known;
      this.drop(known);
    }
    this.#buffers++;
    this.#bytes += size;
    this.#watch.open(NO_MEMORY);
    const buffer = this.#device.createBuffer({ size, usage: this.#usage });
    const outcome = new Outcome();
    void outcome.follow(this.#watch.close(() => ({ op }), undefined, NO_MEMORY));
    return { buffer, outcome };
  }

  /** Takes back a buffer for later use; destroys it if its allocation failed. */
  give(pooled: PooledBuffer): void {
    if (pooled.outcome.failure !== null) {
      this.drop(pooled);
      return;
    }
    const list = this.#free.get(pooled.buffer.size);
    if (list === undefined) this.#free.set(pooled.buffer.size, [pooled]);
    else list.push(pooled);
  }

  /** Destroys a buffer that will not be used again. */
  drop({ buffer }: PooledBuffer): void {
    this.#buffers--;
    this.#bytes -= buffer.size;
    buffer.destroy();
  }

  /** Number and bytes of the buffers that exist, in use or free. */
  memoryUse(): MemoryUse {
    return { buffers: this.#buffers, bytes: this.#bytes };
  }
}

function classOf(bytes: number): number {
  if (bytes <= SMALLEST) return SMALLEST;
  const octave = 2 ** Math.floor(Math.log2(bytes));
  const step = octave / STEPS;
  return Math.ceil(bytes / step) * step;
}
