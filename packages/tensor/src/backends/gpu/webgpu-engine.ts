import { StateError } from '../../errors.ts';
import { BufferPool } from './buffer-pool.ts';
import type { KernelSource } from './dispatch.ts';
import type {
  CompositeForm,
  DeviceReport,
  Engine,
  Memory,
  MemoryUse,
  ProductForm,
  Program,
  Tuning,
} from './engine.ts';
import { DeviceError, type DeviceFailure } from './errors.ts';
import type { GpuJs, GpuJsInstance } from './gpu-js.ts';
import type { KernelLimits } from './lowering.ts';
import type { Shader } from './shader.ts';
import { translate } from './wgsl.ts';

// The values of GPUBufferUsage and GPUMapMode, which not every engine has as globals.
const MAP_READ = 0x1;
const COPY_SRC = 0x4;
const COPY_DST = 0x8;
const UNIFORM = 0x40;
const STORAGE = 0x80;
const COMPUTE_STAGE = 0x4;

const FILTERS: readonly GPUErrorFilter[] = ['validation', 'out-of-memory', 'internal'];

class BufferMemory implements Memory {
  readonly size: number;
  readonly buffer: GPUBuffer;

  constructor(size: number, buffer: GPUBuffer) {
    this.size = size;
    this.buffer = buffer;
  }
}

class ComputeProgram implements Program {
  readonly source: KernelSource;
  readonly shader: Shader;
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
  readonly params: GPUBuffer;
  readonly groups: readonly [number, number, number];

  constructor(device: GPUDevice, source: KernelSource, shader: Shader) {
    this.source = source;
    this.shader = shader;
    const label = source.name;
    const storage = (binding: number, type: GPUBufferBindingType): GPUBindGroupLayoutEntry => ({
      binding,
      visibility: COMPUTE_STAGE,
      buffer: { type },
    });
    this.layout = device.createBindGroupLayout({
      label,
      entries: [
        storage(0, 'uniform'),
        ...Array.from({ length: source.inputs }, (_, i) => storage(1 + i, 'read-only-storage')),
        storage(1 + source.inputs, 'storage'),
      ],
    });
    this.pipeline = device.createComputePipeline({
      label,
      layout: device.createPipelineLayout({ label, bindGroupLayouts: [this.layout] }),
      compute: {
        module: device.createShaderModule({ label, code: shader.code }),
        entryPoint: 'main',
      },
    });
    const { groups, width } = workgroups(shader.threads, shader.workgroup, device.limits);
    this.groups = groups;
    this.params = device.createBuffer({
      label,
      size: shader.paramsBytes,
      usage: UNIFORM | COPY_DST,
    });
    const [x, y = 1, z = 1] = shader.threads;
    device.queue.writeBuffer(this.params, 0, Uint32Array.of(x, y, z, width));
  }
}

/** Workgroups of a dispatch; one dimension folds over y where it is too long for a device. */
function workgroups(
  threads: readonly number[],
  [wx, wy, wz]: Shader['workgroup'],
  limits: GPUSupportedLimits,
): { readonly groups: readonly [number, number, number]; readonly width: number } {
  const [x, y = 1, z = 1] = threads;
  const across = Math.ceil(x / wx);
  if (threads.length > 1) {
    return { groups: [across, Math.ceil(y / wy), Math.ceil(z / wz)], width: 0 };
  }
  const rows = Math.ceil(across / limits.maxComputeWorkgroupsPerDimension);
  const columns = Math.ceil(across / rows);
  return { groups: [columns, rows, 1], width: columns * wx };
}

/**
 * gpu.js as the compiler, and an encoder of our own around its shaders: buffers stay on the device and
 * are pooled, and what is queued is one submit.
 */
export class WebGpuEngine implements Engine {
  readonly limits: KernelLimits;
  private tuning: Tuning | null = null;
  private form: ProductForm = 'plain';
  private fuses = false;
  private elementsOfThread = 1;
  private readonly adapter: DeviceReport;
  private readonly device: GPUDevice;
  private readonly library: GpuJs;
  private readonly gpu: GpuJsInstance;
  private readonly pool: BufferPool;
  private readonly staging: BufferPool;
  private readonly programs = new Map<string, ComputeProgram>();
  private encoder: GPUCommandEncoder | null = null;
  private pass: GPUComputePassEncoder | null = null;
  private queued = 0;
  private readonly checks = new Set<Promise<void>>();
  private failure: DeviceError | null = null;
  private lost: DeviceError | null = null;
  private isDisposed = false;

  constructor(device: GPUDevice, library: GpuJs, report: DeviceReport) {
    this.device = device;
    this.library = library;
    this.adapter = report;
    this.limits = { inputs: device.limits.maxStorageBuffersPerShaderStage - 1 };
    this.gpu = new library.GPU({ mode: 'webgpu' });
    this.pool = new BufferPool(device, STORAGE | COPY_SRC | COPY_DST);
    this.staging = new BufferPool(device, MAP_READ | COPY_DST);
    void this.watchLoss();
  }

  get report(): DeviceReport {
    const composites = this.fuses ? 'fused' : 'decomposed';
    const { elementsOfThread } = this;
    const report: DeviceReport = { ...this.adapter, composites, elementsOfThread };
    return this.tuning === null ? report : { ...report, products: this.tuning };
  }

  get runsEntries(): boolean {
    return this.fuses;
  }

  /** From now on, composites are kernels of their own, or are not; these are given `elementsOfThread`. */
  runComposites(form: CompositeForm, elementsOfThread: number): void {
    this.fuses = form === 'fused';
    this.elementsOfThread = elementsOfThread;
  }

  /** From now on, large matrix products run in this form, which was measured perhaps. */
  runProductsAs(form: ProductForm, tuning: Tuning | null): void {
    this.form = form;
    this.tuning = tuning;
  }

  compile(source: KernelSource): Program {
    return this.compileAs(source, this.form);
  }

  /** Compiles a kernel in a form that is not the fastest one perhaps. */
  compileAs(
    source: KernelSource,
    form: ProductForm,
    elementsOfThread: number = this.elementsOfThread,
  ): Program {
    const entry = source.entry === undefined ? '' : elementsOfThread;
    const key = `${form} ${entry} ${source.output.join()} ${source.text}`;
    let program = this.programs.get(key);
    if (program === undefined) {
      const shader = translate(this.library, this.gpu, source, form, elementsOfThread);
      this.device.pushErrorScope('validation');
      program = new ComputeProgram(this.device, source, shader);
      this.watch(this.device.popErrorScope(), 'compilation', () => program);
      this.programs.set(key, program);
    }
    return program;
  }

  run(program: Program, inputs: readonly Memory[]): Memory {
    if (this.lost !== null) throw this.lost;
    const { source, layout, params, pipeline, groups } = program as ComputeProgram;
    const pass = this.open();
    const size = source.output.reduce((a, b) => a * b, 1);
    const buffer = this.take(source.name, size * Float32Array.BYTES_PER_ELEMENT);
    const bound = [params, ...inputs.map(bufferOf), buffer];
    pass.setPipeline(pipeline);
    pass.setBindGroup(
      0,
      this.device.createBindGroup({
        label: source.name,
        layout,
        entries: bound.map((each, binding) => ({ binding, resource: { buffer: each } })),
      }),
    );
    pass.dispatchWorkgroups(...groups);
    this.queued++;
    return new BufferMemory(size, buffer);
  }

  submit(least = 1): void {
    if (this.encoder === null || this.pass === null || this.queued < least) return;
    this.pass.end();
    this.device.queue.submit([this.encoder.finish()]);
    this.encoder = null;
    this.pass = null;
    this.queued = 0;
    for (const filter of [...FILTERS].reverse()) {
      this.watch(this.device.popErrorScope(), failureOf(filter), () => undefined);
    }
  }

  upload(values: Float32Array): Memory {
    if (this.lost !== null) throw this.lost;
    // What is queued may still read the buffer that the pool gives out.
    this.submit();
    const buffer = this.take('tensor', values.byteLength);
    this.device.queue.writeBuffer(buffer, 0, values);
    return new BufferMemory(values.length, buffer);
  }

  free(memory: Memory): void {
    this.pool.give(bufferOf(memory));
  }

  async read(memory: Memory): Promise<Float32Array> {
    if (this.lost !== null) throw this.lost;
    const bytes = memory.size * Float32Array.BYTES_PER_ELEMENT;
    this.submit();
    const staging = this.staging.take(bytes);
    const encoder = this.device.createCommandEncoder();
    encoder.copyBufferToBuffer(bufferOf(memory), 0, staging, 0, bytes);
    this.device.queue.submit([encoder.finish()]);
    const mapped = staging.mapAsync(MAP_READ, 0, bytes).then(
      () => true,
      () => false,
    );
    const [isMapped] = await Promise.all([mapped, ...this.checks]);
    const failure = this.takeFailure() ?? (isMapped ? null : await this.unmappable());
    if (failure !== null) throw failure;
    const values = new Float32Array(staging.getMappedRange(0, bytes).slice(0));
    staging.unmap();
    this.staging.give(staging);
    return values;
  }

  readSync(): Float32Array {
    throw new StateError(
      'dataSync',
      'WebGPU can only read asynchronously. Use await tensor.data(), item() or toArray().',
    );
  }

  memoryUse(): MemoryUse {
    return this.pool.memoryUse();
  }

  async dispose(): Promise<void> {
    this.isDisposed = true;
    this.submit();
    await Promise.all(this.checks);
    await this.gpu.destroy();
    this.device.destroy();
    await this.device.lost;
  }

  private open(): GPUComputePassEncoder {
    if (this.pass === null) {
      for (const filter of FILTERS) this.device.pushErrorScope(filter);
      this.encoder = this.device.createCommandEncoder();
      this.pass = this.encoder.beginComputePass();
    }
    return this.pass;
  }

  /** A buffer from the pool, unless no buffer of the device is so large. */
  private take(op: string, bytes: number): GPUBuffer {
    const { maxStorageBufferBindingSize, maxBufferSize } = this.device.limits;
    const most = Math.min(maxStorageBufferBindingSize, maxBufferSize);
    if (bytes <= most) return this.pool.take(bytes);
    throw new DeviceError(
      op,
      'out-of-memory',
      `the result takes ${bytes} bytes, but a buffer of ${this.adapter.adapter} holds at most ${most}. ` +
        'Use smaller batches or parts.',
      op,
    );
  }

  private async watchLoss(): Promise<void> {
    const { message } = await this.device.lost;
    this.lost = new DeviceError(
      'gpu',
      'lost',
      this.isDisposed
        ? 'the backend was disposed. Make a new one with gpuBackend().'
        : `the device was lost (${message}). Make a new backend with gpuBackend(), and the tensors anew.`,
    );
  }

  /** Keeps the error that a scope caught for whoever reads next. */
  private watch(
    scope: Promise<GPUError | null>,
    failure: DeviceFailure,
    program: () => ComputeProgram | undefined,
  ): void {
    const check = this.keepError(scope, failure, program).finally(() => {
      this.checks.delete(check);
    });
    this.checks.add(check);
  }

  private async keepError(
    scope: Promise<GPUError | null>,
    failure: DeviceFailure,
    program: () => ComputeProgram | undefined,
  ): Promise<void> {
    // A lost device rejects; `lost` has the reason.
    const error = await scope.catch(() => null);
    if (error === null) return;
    const { source, shader } = program() ?? this.named(error.message) ?? {};
    this.failure ??= new DeviceError(
      source?.name ?? 'gpu',
      failure,
      error.message,
      source?.name,
      shader?.code,
    );
  }

  /** The kernel whose label a message of the device quotes. */
  private named(message: string): ComputeProgram | undefined {
    return [...this.programs.values()].find(({ source }) => message.includes(`"${source.name}"`));
  }

  private takeFailure(): DeviceError | null {
    const { failure } = this;
    this.failure = null;
    return failure ?? this.lost;
  }

  private async unmappable(): Promise<DeviceError> {
    await Promise.race([this.device.lost, Promise.resolve()]);
    return this.lost ?? new DeviceError('data', 'internal', 'the device could not map the values.');
  }
}

function bufferOf(memory: Memory): GPUBuffer {
  return (memory as BufferMemory).buffer;
}

function failureOf(filter: GPUErrorFilter): DeviceFailure {
  return filter;
}
