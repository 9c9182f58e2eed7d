// The WebGPU engine that lets gpu.js run the kernels, one promise after the other.

import type { Range } from '../../../array/dtype.ts';
import { checkBufferSize } from '../device/device.ts';
import { disposed } from '../device/device-watch.ts';
import type { KernelSource } from '../kernel/dispatch.ts';
import type { Engine, Memory, MemoryUse, Program } from '../device/engine.ts';
import type { DeviceReport } from '../device/report.ts';
import { internalIn, onlyAsynchronous, type DeviceError } from '../device/errors.ts';
import type { GpuJs, GpuJsRunner } from '../device/gpu-js.ts';
import type { KernelLimits } from '../kernel/lowering.ts';
import { Outcome } from '../device/outcome.ts';
import { Pending } from '../device/pending.ts';
import { floatsIn } from '../device/ranges.ts';
import { flattenRows, refusedBy, Runners, type RunnerProgram } from './runners.ts';
import { SharedDevice } from '../device/shared-device.ts';

/** What a gpu.js kernel resolves to in pipeline mode on WebGPU: a reference-counted buffer. */
interface BufferHandle {
  toArray(): Promise<unknown>;
  delete(): void;
}

class QueuedMemory implements Memory {
  readonly size: number;
  /** The outcome of the kernel that writes it, and of all earlier work on which that depends. */
  readonly outcome = new Outcome();
  /** The kernel that writes it. */
  readonly writer: RunnerProgram;
  /**
   * The gpu.js kernel behind the writer, which also has the buffers for reading; `null` until it has started.
   */
  run: GpuJsRunner | null = null;
  /** `null` until the kernel has been started. */
  handle: BufferHandle | null = null;

  constructor(size: number, writer: RunnerProgram) {
    this.size = size;
    this.writer = writer;
  }
}

/**
 * Runs kernels on WebGPU through the public API of gpu.js, on its own device. Every call of gpu.js returns a
 * promise, and a kernel needs the handles of its inputs. So calls wait in a queue, one behind the other.
 * Buffers stay on the device until {@link QueuedEngine.free}, whose turn comes after all earlier calls. A
 * kernel of gpu.js keeps the buffer of its last result until it runs again.
 */
export class QueuedEngine implements Engine {
  readonly report: DeviceReport;
  readonly limits: KernelLimits;
  readonly runsEntries = false;
  readonly #shared: SharedDevice;
  readonly #runners: Runners;
  /** Copies arrays of any length. */
  #uploader: RunnerProgram | null = null;
  /** Reads that are still running. The buffers through which gpu.js reads must stay until they end. */
  readonly #reads = new Pending();
  #disposal: Promise<void> | null = null;
  #buffers = 0;
  #bytes = 0;

  private constructor(library: GpuJs, shared: SharedDevice) {
    this.#shared = shared;
    this.report = shared.report;
    this.limits = { inputs: shared.device.limits.maxStorageBuffersPerShaderStage - 1 };
    this.#runners = new Runners(library, new library.GPU({ mode: 'webgpu' }), 'webgpu');
  }

  /**
   * Opens the device of gpu.js.
   *
   * @throws DeviceError as {@link SharedDevice.join}
   */
  static async open(library: GpuJs): Promise<QueuedEngine> {
    const shared = await SharedDevice.join(library);
    try {
      return new QueuedEngine(library, shared);
    } catch (error) {
      await shared.leave();
      throw error;
    }
  }

  compile(source: KernelSource): Program {
    return this.#runners.program(source);
  }

  run(program: Program, inputs: readonly Memory[]): Memory {
    const kernel = program as RunnerProgram;
    const { source } = kernel;
    const operands = inputs as readonly QueuedMemory[];
    for (const { outcome } of operands) if (outcome.failure !== null) throw outcome.failure;
    const size = source.output.reduce((a, b) => a * b, 1);
    const memory = this.#take(source.name, size, kernel);
    const done = this.#shared.work(
      { op: source.name, kernel: source.name, code: source.text },
      async () => {
        const handles = operands.map(({ handle }) => handle);
        // The work that should have made the input failed; this kernel fails with the same error.
        if (handles.includes(null)) return;
        memory.run = kernel.run;
        memory.handle = (await memory.run(...handles)) as BufferHandle;
        kernel.hasRun = true;
      },
      (error) => refusedBy(error, kernel),
    );
    const causes = operands.map(({ outcome }) => outcome).filter(({ isFine }) => !isFine);
    void memory.outcome.follow(this.#renewing(memory, done), causes);
    return memory;
  }

  submit(): void {
    // Nothing to do: gpu.js hands every kernel to the device by itself.
  }

  upload(values: Float32Array): Memory {
    const { length } = values;
    this.#uploader ??= this.#runners.upload(length, { dynamicOutput: true });
    const uploader = this.#uploader;
    const memory = this.#take('tensor', length, uploader);
    const done = this.#shared.work({ op: 'tensor' }, async () => {
      memory.run = uploader.run;
      memory.run.setOutput([length]);
      const input = this.#runners.library.input(values, [length]);
      memory.handle = (await memory.run(input)) as BufferHandle;
    });
    void memory.outcome.follow(this.#renewing(memory, done));
    return memory;
  }

  free(memory: Memory): void {
    this.#buffers--;
    this.#bytes -= memory.size * Float32Array.BYTES_PER_ELEMENT;
    void this.#shared.work({ op: 'dispose' }, () => {
      (memory as QueuedMemory).handle?.delete();
    });
  }

  async read(memory: Memory, ranges?: readonly Range[]): Promise<Float32Array> {
    this.#check();
    const source = memory as QueuedMemory;
    const { outcome } = source;
    const reading: { rows: Promise<unknown> | null } = { rows: null };
    const started = this.#shared.work({ op: 'data' }, () => {
      if (source.handle === null) return;
      reading.rows = source.handle.toArray();
      this.#reads.add(reading.rows);
    });
    const failure = await new Outcome().follow(this.#renewing(source, started), [outcome]);
    if (failure !== null) throw failure;
    const { rows } = reading;
    if (rows === null) throw internalIn('data', 'there is no handle to read.');
    let values: unknown;
    try {
      values = await rows;
    } catch (error) {
      throw (await this.#shared.whetherLost()) ?? internalIn('data', error);
    }
    return floatsIn(flattenRows(values, memory.size), ranges);
  }

  readSync(): Float32Array {
    throw onlyAsynchronous();
  }

  failureOf(memory: Memory): DeviceError | null {
    return (memory as QueuedMemory).outcome.failure;
  }

  /** The number of handles that are held, and the bytes behind them. */
  memoryUse(): MemoryUse {
    return { buffers: this.#buffers, bytes: this.#bytes };
  }

  dispose(): Promise<void> {
    this.#disposal ??= this.#shared.leave(async () => {
      await this.#reads.settled();
      await this.#runners.gpu.destroy();
    });
    return this.#disposal;
  }

  #take(op: string, size: number, writer: RunnerProgram): QueuedMemory {
    this.#check();
    const bytes = size * Float32Array.BYTES_PER_ELEMENT;
    checkBufferSize(op, bytes, this.#shared.device.limits, this.report.adapter);
    this.#buffers++;
    this.#bytes += bytes;
    return new QueuedMemory(size, writer);
  }

  /** Throws if the backend was disposed or the device lost. */
  #check(): void {
    if (this.#disposal !== null) throw disposed();
    if (this.#shared.lost !== null) throw this.#shared.lost;
  }

  /** The failure of work with memory. Its kernel is then given up, see {@link RunnerProgram.giveUp}. */
  async #renewing(
    memory: QueuedMemory,
    work: Promise<DeviceError | null>,
  ): Promise<DeviceError | null> {
    const failure = await work;
    if (failure !== null && failure.failure !== 'lost') {
      void this.#shared.work({ op: 'gpu' }, async () => {
        await this.#reads.settled();
        if (memory.run !== null) memory.writer.giveUp(memory.run);
      });
    }
    return failure;
  }
}
