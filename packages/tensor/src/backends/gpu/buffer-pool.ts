import type { MemoryUse } from './engine.ts';

/** Sizes of buffers are four to the octave, so that a freed buffer fits what comes next. */
const STEPS = 4;
const SMALLEST = 256;

/** Storage buffers of a device by size: what was freed is used again, whatever it held. */
export class BufferPool {
  private readonly device: GPUDevice;
  private readonly usage: number;
  private readonly free = new Map<number, GPUBuffer[]>();
  private buffers = 0;
  private bytes = 0;

  /**
   * @param device The device.
   * @param usage Usage flags of every buffer.
   */
  constructor(device: GPUDevice, usage: number) {
    this.device = device;
    this.usage = usage;
  }

  /** A buffer of at least `bytes` with unspecified contents. */
  take(bytes: number): GPUBuffer {
    const size = classOf(bytes);
    const known = this.free.get(size)?.pop();
    if (known !== undefined) return known;
    this.buffers++;
    this.bytes += size;
    return this.device.createBuffer({ size, usage: this.usage });
  }

  give(buffer: GPUBuffer): void {
    const list = this.free.get(buffer.size);
    if (list === undefined) this.free.set(buffer.size, [buffer]);
    else list.push(buffer);
  }

  /** Buffers that exist, in use or not. */
  memoryUse(): MemoryUse {
    return { buffers: this.buffers, bytes: this.bytes };
  }
}

function classOf(bytes: number): number {
  if (bytes <= SMALLEST) return SMALLEST;
  const octave = 2 ** Math.floor(Math.log2(bytes));
  const step = octave / STEPS;
  return Math.ceil(bytes / step) * step;
}
