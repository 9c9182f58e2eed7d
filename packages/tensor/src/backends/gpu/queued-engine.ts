import type { Range } from '../../dtype.ts';
import { checkBufferSize } from './device.ts';
import type { KernelSource } from './dispatch.ts';
import type { DeviceReport, Engine, Memory, MemoryUse, Program } from './engine.ts';
import { DeviceError, onlyAsynchronous } from './errors.ts';
import type { GpuJs, GpuJsRunner } from './gpu-js.ts';
import type { KernelLimits } from './lowering.ts';
import { Outcome } from './outcome.ts';
import { floatsIn } from './ranges.ts';
import { flattenRows, refusedBy, Runners, type RunnerProgram } from './runners.ts';
import { SharedDevice } from './shared-device.ts';

/** What a kernel of gpu.js promises in pipeline mode on WebGPU: a counted reference to a buffer. */
interface BufferHandle {
  toArray(): Promise<unknown>;
  delete(): void;
}

class QueuedMemory implements Memory {
  readonly size: number;
  /** Of the kernel that writes it, and of all before on which that depends. */
  readonly outcome = new Outcome();
  /** `null` until the kernel that writes it has been started. */
  handle: BufferHandle | null = null;

  constructor(size: number) {
    this.size = size;
  }
}

/**
 * Runs kernels on WebGPU through the public API of gpu.js, on its own device. Every call of gpu.js gives
 * a promise, and a handle must be there before it is handed on; so calls wait in a queue, one behind the
 * other. Buffers stay on the device until {@link QueuedEngine.free}, whose turn comes after all that was
 * queued before it. A kernel of gpu.js keeps the buffer of its last result until it runs again.
 */
export class QueuedEngine implements Engine {
  readonly report: DeviceReport;
  readonly limits: KernelLimits;
  readonly runsEntries = false;
  private readonly shared: SharedDevice;
  private readonly runners: Runners;
  private uploader: GpuJsRunner | null = null;
  private buffers = 0;
  private bytes = 0;

  private constructor(library: GpuJs, shared: SharedDevice) {
    this.shared = shared;
    this.report = shared.report;
    this.limits = { inputs: shared.device.limits.maxStorageBuffersPerShaderStage - 1 };
    this.runners = new Runners(library, new library.GPU({ mode: 'webgpu' }), 'webgpu');
  }

  /**
   * Opens the device of gpu.js.
   *
   * @throws DeviceError as {@link SharedDevice.join}
   */
  static async open(library: GpuJs): Promise<QueuedEngine> {
    return new QueuedEngine(library, await SharedDevice.join(library));
  }

  compile(source: KernelSource): Program {
    return this.runners.program(source);
  }

  run(program: Program, inputs: readonly Memory[]): Memory {
    const kernel = program as RunnerProgram;
    const { source } = kernel;
    const operands = inputs as readonly QueuedMemory[];
    for (const { outcome } of operands) if (outcome.failure !== null) throw outcome.failure;
    const size = source.output.reduce((a, b) => a * b, 1);
    const memory = this.take(source.name, size);
    const done = this.shared.work(
      { op: source.name, kernel: source.name, code: source.text },
      (error) => refusedBy(error, kernel),
      async () => {
        const handles = operands.map(({ handle }) => handle);
        // What should have given it has failed, which is the failure of this kernel too.
        if (handles.includes(null)) return;
        memory.handle = (await kernel.run(...handles)) as BufferHandle;
        kernel.hasRun = true;
      },
    );
    const causes = operands.map(({ outcome }) => outcome).filter(({ isFine }) => !isFine);
    void memory.outcome.follow(done, causes);
    return memory;
  }

  submit(): void {
    // gpu.js hands every kernel to the device by itself.
  }

  upload(values: Float32Array): Memory {
    const { length } = values;
    const memory = this.take('tensor', length);
    // Arrays of any length go through one kernel.
    this.uploader ??= this.runners.upload(length, { dynamicOutput: true });
    const { uploader } = this;
    const done = this.shared.work({ op: 'tensor' }, internalIn('tensor'), async () => {
      uploader.setOutput([length]);
      const input = this.runners.library.input(values, [length]);
      memory.handle = (await uploader(input)) as BufferHandle;
    });
    void memory.outcome.follow(done);
    return memory;
  }

  free(memory: Memory): void {
    this.buffers--;
    this.bytes -= memory.size * Float32Array.BYTES_PER_ELEMENT;
    void this.shared.work({ op: 'dispose' }, internalIn('dispose'), () => {
      (memory as QueuedMemory).handle?.delete();
    });
  }

  async read(memory: Memory, ranges?: readonly Range[]): Promise<Float32Array> {
    if (this.shared.lost !== null) throw this.shared.lost;
    const source = memory as QueuedMemory;
    let rows: Promise<unknown> = Promise.resolve();
    const started = this.shared.work({ op: 'data' }, internalIn('data'), () => {
      rows = source.handle?.toArray() ?? rows;
      // Whoever reads is told below.
      rows.catch(() => undefined);
    });
    const failure = await new Outcome().follow(started, [source.outcome]);
    if (failure !== null) throw failure;
    let values: unknown;
    try {
      values = await rows;
    } catch (error) {
      throw (await this.shared.whetherLost()) ?? internalIn('data')(error);
    }
    return floatsIn(flattenRows(values, memory.size), ranges);
  }

  readSync(): Float32Array {
    throw onlyAsynchronous();
  }

  /** Handles that are held, and what they hold. */
  memoryUse(): MemoryUse {
    return { buffers: this.buffers, bytes: this.bytes };
  }

  async dispose(): Promise<void> {
    await this.shared.work({ op: 'dispose' }, internalIn('dispose'), async () => {
      await this.runners.gpu.destroy();
    });
    await this.shared.leave();
  }

  private take(op: string, size: number): QueuedMemory {
    if (this.shared.lost !== null) throw this.shared.lost;
    const bytes = size * Float32Array.BYTES_PER_ELEMENT;
    checkBufferSize(op, bytes, this.shared.device.limits, this.report.adapter);
    this.buffers++;
    this.bytes += bytes;
    return new QueuedMemory(size);
  }
}

/** What gpu.js throws where it should not. */
function internalIn(op: string): (error: unknown) => DeviceError {
  return (error) => new DeviceError(op, 'internal', String(error));
}
