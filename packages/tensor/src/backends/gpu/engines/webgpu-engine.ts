// Our own WebGPU engine: gpu.js writes the shaders, we pool the buffers and submit whole plans.

import type { Range } from '../../../array/dtype.ts';
import { BufferPool, type PooledBuffer } from './buffer-pool.ts';
import { buildPipeline, ComputeProgram, type ComputePipeline } from './compute-program.ts';
import type { KernelSource } from '../kernel/dispatch.ts';
import type { Engine, Memory, MemoryUse, Program } from '../device/engine.ts';
import type { CompositeForm, DeviceReport, ProductForm, Tuning } from '../device/report.ts';
import { checkBufferSize } from '../device/device.ts';
import { DeviceWatch, type Culprit } from '../device/device-watch.ts';
import { internalIn, onlyAsynchronous, type DeviceError } from '../device/errors.ts';
import type { GpuJs, GpuJsInstance } from '../device/gpu-js.ts';
import type { KernelLimits } from '../kernel/lowering.ts';
import { Outcome } from '../device/outcome.ts';
import { Pending } from '../device/pending.ts';
import { lengthOf } from '../device/ranges.ts';
import type { Shader } from '../device/shader.ts';
import { translate } from './wgsl.ts';

// The values of GPUBufferUsage and GPUMapMode; some engines lack these globals.
const MAP_READ = 0x1;
const COPY_SRC = 0x4;
const COPY_DST = 0x8;
const STORAGE = 0x80;

class BufferMemory implements Memory {
  readonly size: number;
  readonly pooled: PooledBuffer;
  /** The outcome of all the work on which the values depend. */
  readonly outcome: Outcome;

  constructor(size: number, pooled: PooledBuffer, outcome: Outcome) {
    this.size = size;
    this.pooled = pooled;
    this.outcome = outcome;
  }
}

/** Kernels that are handed to the device together. If one of them is invalid, none computes anything. */
interface Submission {
  readonly encoder: GPUCommandEncoder;
  readonly pass: GPUComputePassEncoder;
  readonly outcome: Outcome;
  /** Outcomes of the pipelines and buffers that it uses. If one of them failed, nothing is computed. */
  readonly needs: Set<Outcome>;
  dispatches: number;
}

/**
 * Uses gpu.js as the compiler, and runs its shaders with an encoder of our own. Buffers stay on the device
 * and are pooled, and all queued work is one submit.
 */
export class WebGpuEngine implements Engine {
  readonly limits: KernelLimits;
  #tuning: Tuning | null = null;
  #form: ProductForm = 'plain';
  #fuses = false;
  #elementsOfThread = 1;
  readonly #adapter: DeviceReport;
  readonly #device: GPUDevice;
  readonly #library: GpuJs;
  readonly #gpu: GpuJsInstance;
  readonly #pool: BufferPool;
  readonly #staging: BufferPool;
  readonly #programs = new Map<string, ComputeProgram>();
  /** The work that is queued; `null` if there is none. */
  #submission: Submission | null = null;
  readonly #watch: DeviceWatch;
  /** Reads that are still running. */
  readonly #reads = new Pending();

  constructor(device: GPUDevice, library: GpuJs, report: DeviceReport) {
    this.#device = device;
    this.#library = library;
    this.#adapter = report;
    this.limits = { inputs: device.limits.maxStorageBuffersPerShaderStage - 1 };
    this.#gpu = new library.GPU({ mode: 'webgpu' });
    this.#watch = new DeviceWatch(device);
    this.#pool = new BufferPool(device, this.#watch, STORAGE | COPY_SRC | COPY_DST);
    this.#staging = new BufferPool(device, this.#watch, MAP_READ | COPY_DST);
  }

  get report(): DeviceReport {
    const composites = this.#fuses ? 'fused' : 'decomposed';
    const elementsOfThread = this.#elementsOfThread;
    const report: DeviceReport = { ...this.#adapter, composites, elementsOfThread };
    return this.#tuning === null ? report : { ...report, products: this.#tuning };
  }

  get runsEntries(): boolean {
    return this.#fuses;
  }

  /** Sets whether composites are kernels of their own from now on, and their `elementsOfThread`. */
  runComposites(form: CompositeForm, elementsOfThread: number): void {
    this.#fuses = form === 'fused';
    this.#elementsOfThread = elementsOfThread;
  }

  /**
   * Sets the form of large matrix products from now on, and the times behind that choice, if any were taken.
   */
  runProductsAs(form: ProductForm, tuning: Tuning | null): void {
    this.#form = form;
    this.#tuning = tuning;
  }

  compile(source: KernelSource): Program {
    return this.compileAs(source, this.#form);
  }

  /** Compiles a kernel in a given form, which need not be the fastest one. */
  compileAs(
    source: KernelSource,
    form: ProductForm,
    elementsOfThread: number = this.#elementsOfThread,
  ): Program {
    const entry = source.entry === undefined ? '' : elementsOfThread;
    const key = `${form} ${entry} ${source.output.join()} ${source.text}`;
    let program = this.#programs.get(key);
    if (program === undefined) {
      const shader = translate(this.#library, this.#gpu, source, form, elementsOfThread);
      program = new ComputeProgram(source, shader, () => this.#build(source, shader));
      this.#programs.set(key, program);
    }
    return program;
  }

  run(program: Program, inputs: readonly Memory[]): Memory {
    if (this.#watch.lost !== null) throw this.#watch.lost;
    const { source, pipeline: ready } = program as ComputeProgram;
    const operands = inputs as readonly BufferMemory[];
    for (const { outcome } of [ready, ...operands]) {
      if (outcome.failure !== null) throw outcome.failure;
    }
    const { layout, params, pipeline, groups } = ready;
    const size = source.output.reduce((a, b) => a * b, 1);
    const result = this.#take(source.name, size * Float32Array.BYTES_PER_ELEMENT);
    const submission = (this.#submission ??= this.#begin());
    const buffers = operands.map(({ pooled }) => pooled);
    for (const { outcome } of [ready, result, ...buffers]) {
      if (!outcome.isFine) submission.needs.add(outcome);
    }
    const bound = [params, ...buffers.map(({ buffer }) => buffer), result.buffer];
    submission.pass.setPipeline(pipeline);
    submission.pass.setBindGroup(
      0,
      this.#device.createBindGroup({
        label: source.name,
        layout,
        entries: bound.map((buffer, binding) => ({ binding, resource: { buffer } })),
      }),
    );
    submission.pass.dispatchWorkgroups(...groups);
    submission.dispatches++;
    const outcomes = [...operands.map(({ outcome }) => outcome), submission.outcome];
    return new BufferMemory(size, result, Outcome.all(outcomes));
  }

  submit(least = 1): void {
    const submission = this.#submission;
    if (submission === null || submission.dispatches < least) return;
    submission.pass.end();
    this.#device.queue.submit([submission.encoder.finish()]);
    this.#submission = null;
    const failure = this.#watch.close((message) => this.#named(message));
    void submission.outcome.follow(failure, [...submission.needs]);
  }

  upload(values: Float32Array): Memory {
    if (this.#watch.lost !== null) throw this.#watch.lost;
    // Queued work may still read the buffer that the pool gives out, so submit it first.
    this.submit();
    const pooled = this.#take('tensor', values.byteLength);
    this.#watch.open();
    this.#device.queue.writeBuffer(pooled.buffer, 0, values);
    const outcome = new Outcome();
    void outcome.follow(
      this.#watch.close(() => ({ op: 'tensor' })),
      [pooled.outcome],
    );
    return new BufferMemory(values.length, pooled, outcome);
  }

  free(memory: Memory): void {
    this.#pool.give((memory as BufferMemory).pooled);
  }

  read(
    memory: Memory,
    ranges: readonly Range[] = [{ begin: 0, end: memory.size }],
  ): Promise<Float32Array> {
    const values = this.#readRanges(memory as BufferMemory, ranges);
    this.#reads.add(values);
    return values;
  }

  async #readRanges(
    { pooled, outcome }: BufferMemory,
    ranges: readonly Range[],
  ): Promise<Float32Array> {
    if (this.#watch.lost !== null) throw this.#watch.lost;
    const length = lengthOf(ranges);
    // A read of nothing copies one float all the same: it waits, so that failures surface.
    const copies = length === 0 ? [{ begin: 0, end: 1 }] : ranges;
    const bytes = lengthOf(copies) * Float32Array.BYTES_PER_ELEMENT;
    this.submit();
    const staging = this.#staging.take('data', bytes);
    this.#watch.open();
    const encoder = this.#device.createCommandEncoder();
    let at = 0;
    for (const { begin, end } of copies) {
      const [from, size] = [begin, end - begin].map((n) => n * Float32Array.BYTES_PER_ELEMENT);
      encoder.copyBufferToBuffer(pooled.buffer, from, staging.buffer, at, size);
      at += size;
    }
    this.#device.queue.submit([encoder.finish()]);
    const mapped = staging.buffer.mapAsync(MAP_READ, 0, bytes).then(
      () => null,
      (error: unknown) => ({ error }),
    );
    const copied = this.#watch.close(() => ({ op: 'data' }));
    const refusal = await mapped;
    const failure = await new Outcome().follow(copied, [outcome, staging.outcome]);
    if (failure !== null || refusal !== null) {
      this.#staging.drop(staging);
      throw failure ?? (await this.#watch.whetherLost()) ?? internalIn('data', refusal?.error);
    }
    const values = new Float32Array(staging.buffer.getMappedRange(0, bytes).slice(0));
    staging.buffer.unmap();
    this.#staging.give(staging);
    return values.subarray(0, length);
  }

  readSync(): Float32Array {
    throw onlyAsynchronous();
  }

  failureOf(memory: Memory): DeviceError | null {
    return (memory as BufferMemory).outcome.failure;
  }

  memoryUse(): MemoryUse {
    return this.#pool.memoryUse();
  }

  async dispose(): Promise<void> {
    this.submit();
    // Lets running reads finish.
    await this.#reads.settled();
    this.#watch.end();
    try {
      await this.#gpu.destroy();
    } finally {
      this.#device.destroy();
      await this.#device.lost;
    }
  }

  #build(source: KernelSource, shader: Shader): ComputePipeline {
    const { name } = source;
    const outcome = new Outcome();
    this.#watch.open();
    try {
      return buildPipeline(this.#device, source, shader, outcome);
    } finally {
      const culprit = { op: name, kernel: name, code: shader.code };
      void outcome.follow(this.#watch.close(() => culprit, 'compilation'));
    }
  }

  /** Opens a new submission; {@link submit} ends it. */
  #begin(): Submission {
    this.#watch.open();
    const encoder = this.#device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    return { encoder, pass, outcome: new Outcome(), needs: new Set(), dispatches: 0 };
  }

  /** Takes a buffer from the pool; throws if no buffer of the device can be so large. */
  #take(op: string, bytes: number): PooledBuffer {
    checkBufferSize(op, bytes, this.#device.limits, this.#adapter.adapter);
    return this.#pool.take(op, bytes);
  }

  /** Finds the kernel whose label the device's message quotes. */
  #named(message: string): Culprit {
    const program = [...this.#programs.values()].find(({ source }) =>
      message.includes(`"${source.name}"`),
    );
    if (program === undefined) return { op: 'gpu' };
    const { source, shader } = program;
    return { op: source.name, kernel: source.name, code: shader.code };
  }
}
