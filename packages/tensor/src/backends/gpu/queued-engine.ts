import type { Range } from '../../dtype.ts';
import { checkBufferSize, findAdapter } from './device.ts';
import { DeviceWatch } from './device-watch.ts';
import type { KernelSource } from './dispatch.ts';
import type { DeviceReport, Engine, Memory, MemoryUse, Program } from './engine.ts';
import { DeviceError, onlyAsynchronous } from './errors.ts';
import type { GpuJs, GpuJsRunner, SharedContext } from './gpu-js.ts';
import type { KernelLimits } from './lowering.ts';
import { flattenRows, refusedBy, Runners, type RunnerProgram } from './runners.ts';

/** What a kernel of gpu.js promises in pipeline mode on WebGPU: a counted reference to a buffer. */
interface BufferHandle {
  toArray(): Promise<unknown>;
  delete(): void;
}

class QueuedMemory implements Memory {
  readonly size: number;
  /** `null` until the kernel that writes it has been started. */
  handle: BufferHandle | null = null;

  constructor(size: number) {
    this.size = size;
  }
}

/** Engines that compute on the one device that gpu.js has. */
let users = 0;

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
  private readonly context: SharedContext;
  private readonly device: GPUDevice;
  private readonly runners: Runners;
  private readonly watch: DeviceWatch;
  private uploader: GpuJsRunner | null = null;
  /** The end of the queue; it never fails. */
  private tail: Promise<void> = Promise.resolve();
  private buffers = 0;
  private bytes = 0;

  private constructor(
    library: GpuJs,
    context: SharedContext,
    device: GPUDevice,
    report: DeviceReport,
  ) {
    this.context = context;
    this.device = device;
    this.report = { ...report, executor: 'gpu.js' };
    this.limits = { inputs: device.limits.maxStorageBuffersPerShaderStage - 1 };
    this.runners = new Runners(library, new library.GPU({ mode: 'webgpu' }), 'webgpu');
    this.watch = new DeviceWatch(device);
    users++;
  }

  /**
   * Opens the device of gpu.js.
   *
   * @throws DeviceError if no adapter answers
   */
  static async open(library: GpuJs): Promise<QueuedEngine> {
    const { report } = await findAdapter();
    const { WebGPUContext: context } = library;
    if (context === undefined) {
      throw new DeviceError(
        'gpuBackend',
        'unavailable',
        'gpu.js exports no WebGPUContext. Install gpu.js@2.24.1.',
      );
    }
    const { device } = await context.acquire();
    return new QueuedEngine(library, context, device, report);
  }

  compile(source: KernelSource): Program {
    return this.runners.program(source);
  }

  run(program: Program, inputs: readonly Memory[]): Memory {
    const { source, run } = program as RunnerProgram;
    const size = source.output.reduce((a, b) => a * b, 1);
    const memory = this.take(source.name, size);
    this.enqueue(source, async () => {
      const handles = inputs.map((input) => (input as QueuedMemory).handle);
      // A kernel before this one has failed, which is told when values are read.
      if (handles.includes(null)) return;
      memory.handle = (await run(...handles)) as BufferHandle;
    });
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
    this.enqueue(undefined, async () => {
      uploader.setOutput([length]);
      memory.handle = (await uploader(
        this.runners.library.input(values, [length]),
      )) as BufferHandle;
    });
    return memory;
  }

  free(memory: Memory): void {
    this.buffers--;
    this.bytes -= memory.size * Float32Array.BYTES_PER_ELEMENT;
    this.enqueue(undefined, () => {
      (memory as QueuedMemory).handle?.delete();
    });
  }

  async read(memory: Memory, range?: Range): Promise<Float32Array> {
    if (this.watch.lost !== null) throw this.watch.lost;
    let rows: Promise<unknown> = Promise.resolve(null);
    this.enqueue(undefined, () => {
      rows = (memory as QueuedMemory).handle?.toArray() ?? rows;
      // Whoever reads is told below.
      rows.catch(() => undefined);
    });
    await this.tail;
    const failure = await this.watch.settle();
    if (failure !== null) throw failure;
    const values = await rows.catch((error: unknown) => {
      throw this.watch.lost ?? new DeviceError('data', 'internal', String(error));
    });
    if (values !== null) {
      return flattenRows(values, memory.size).subarray(range?.begin, range?.end);
    }
    throw new DeviceError(
      'data',
      'internal',
      'the values were never computed, since a kernel before them failed. Compute them anew.',
    );
  }

  readSync(): Float32Array {
    throw onlyAsynchronous();
  }

  /** Handles that are held, and what they hold. */
  memoryUse(): MemoryUse {
    return { buffers: this.buffers, bytes: this.bytes };
  }

  async dispose(): Promise<void> {
    this.watch.end();
    await this.tail;
    await this.watch.settle();
    await this.runners.gpu.destroy();
    users--;
    if (users > 0) return;
    await this.context.destroy();
    await this.device.lost;
  }

  private take(op: string, size: number): QueuedMemory {
    if (this.watch.lost !== null) throw this.watch.lost;
    const bytes = size * Float32Array.BYTES_PER_ELEMENT;
    checkBufferSize(op, bytes, this.device.limits, this.report.adapter);
    this.buffers++;
    this.bytes += bytes;
    return new QueuedMemory(size);
  }

  /** Lets work wait for its turn. */
  private enqueue(source: KernelSource | undefined, work: () => Promise<void> | void): void {
    this.tail = this.takeTurn(this.tail, source, work);
  }

  /** Does work of a kernel, and keeps what goes wrong for whoever reads next. */
  private async takeTurn(
    before: Promise<void>,
    source: KernelSource | undefined,
    work: () => Promise<void> | void,
  ): Promise<void> {
    await before;
    this.watch.open();
    try {
      await work();
    } catch (error) {
      this.watch.fail(
        source === undefined
          ? new DeviceError('gpu', 'internal', String(error))
          : refusedBy(error, source),
      );
    }
    void this.watch.close(() =>
      source === undefined ? undefined : { name: source.name, code: source.text },
    );
  }
}
