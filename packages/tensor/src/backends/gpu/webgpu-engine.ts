import type { Range } from '../../dtype.ts';
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
import { checkBufferSize } from './device.ts';
import { DeviceWatch, type Culprit } from './device-watch.ts';
import { DeviceError, onlyAsynchronous } from './errors.ts';
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

/** The kernels of one submit: where one of them is invalid, none has computed anything. */
interface Submission {
  failure: DeviceError | null;
  /** Whether the device has said that all is well. */
  isFine: boolean;
}

class BufferMemory implements Memory {
  readonly size: number;
  readonly buffer: GPUBuffer;
  /** The submissions on which the values depend, but for those that are known to be fine. */
  readonly origins: readonly Submission[];

  constructor(size: number, buffer: GPUBuffer, origins: readonly Submission[]) {
    this.size = size;
    this.buffer = buffer;
    this.origins = origins;
  }

  /** Why the values are none; `null` as far as is known. */
  get failure(): DeviceError | null {
    return this.origins.find(({ failure }) => failure !== null)?.failure ?? null;
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
  private submission: Submission = { failure: null, isFine: false };
  private queued = 0;
  private readonly watch: DeviceWatch;

  constructor(device: GPUDevice, library: GpuJs, report: DeviceReport) {
    this.device = device;
    this.library = library;
    this.adapter = report;
    this.limits = { inputs: device.limits.maxStorageBuffersPerShaderStage - 1 };
    this.gpu = new library.GPU({ mode: 'webgpu' });
    this.pool = new BufferPool(device, STORAGE | COPY_SRC | COPY_DST);
    this.staging = new BufferPool(device, MAP_READ | COPY_DST);
    this.watch = new DeviceWatch(device);
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
      program = this.watch.compiling(
        () => new ComputeProgram(this.device, source, shader),
        () => ({ name: source.name, code: shader.code }),
      );
      this.programs.set(key, program);
    }
    return program;
  }

  run(program: Program, inputs: readonly Memory[]): Memory {
    if (this.watch.lost !== null) throw this.watch.lost;
    const { source, layout, params, pipeline, groups } = program as ComputeProgram;
    const operands = inputs as readonly BufferMemory[];
    for (const { failure } of operands) if (failure !== null) throw failure;
    const pass = this.open();
    const origins = new Set([this.submission, ...operands.flatMap((operand) => operand.origins)]);
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
    return new BufferMemory(
      size,
      buffer,
      [...origins].filter(({ isFine }) => !isFine),
    );
  }

  submit(least = 1): void {
    if (this.encoder === null || this.pass === null || this.queued < least) return;
    this.pass.end();
    this.device.queue.submit([this.encoder.finish()]);
    this.encoder = null;
    this.pass = null;
    this.queued = 0;
    void this.follow(this.submission);
  }

  upload(values: Float32Array): Memory {
    if (this.watch.lost !== null) throw this.watch.lost;
    // What is queued may still read the buffer that the pool gives out.
    this.submit();
    const buffer = this.take('tensor', values.byteLength);
    this.device.queue.writeBuffer(buffer, 0, values);
    return new BufferMemory(values.length, buffer, []);
  }

  free(memory: Memory): void {
    this.pool.give(bufferOf(memory));
  }

  async read(
    memory: Memory,
    { begin, end }: Range = { begin: 0, end: memory.size },
  ): Promise<Float32Array> {
    if (this.watch.lost !== null) throw this.watch.lost;
    // Whoever reads nothing waits all the same, so that failures surface: for one float.
    const first = Math.min(begin, memory.size - 1) * Float32Array.BYTES_PER_ELEMENT;
    const bytes = Math.max(1, end - begin) * Float32Array.BYTES_PER_ELEMENT;
    this.submit();
    const staging = this.staging.take(bytes);
    const encoder = this.device.createCommandEncoder();
    encoder.copyBufferToBuffer(bufferOf(memory), first, staging, 0, bytes);
    this.device.queue.submit([encoder.finish()]);
    const isMapped = await staging.mapAsync(MAP_READ, 0, bytes).then(
      () => true,
      () => false,
    );
    const failure = (await this.watch.settle()) ?? (memory as BufferMemory).failure;
    if (!isMapped) throw failure ?? (await this.unmappable());
    const values = new Float32Array(staging.getMappedRange(0, bytes).slice(0));
    staging.unmap();
    this.staging.give(staging);
    if (failure !== null) throw failure;
    return values.subarray(0, end - begin);
  }

  readSync(): Float32Array {
    throw onlyAsynchronous();
  }

  memoryUse(): MemoryUse {
    return this.pool.memoryUse();
  }

  async dispose(): Promise<void> {
    this.watch.end();
    this.submit();
    await this.watch.settle();
    await this.gpu.destroy();
    this.device.destroy();
    await this.device.lost;
  }

  /** Notes what the device says of what was submitted. */
  private async follow(submission: Submission): Promise<void> {
    const culprit = (message: string): Culprit | undefined => this.named(message);
    await this.watch.close(culprit, (failure) => {
      submission.failure ??= failure;
    });
    submission.isFine = submission.failure === null;
  }

  private open(): GPUComputePassEncoder {
    if (this.pass === null) {
      this.watch.open();
      this.submission = { failure: null, isFine: false };
      this.encoder = this.device.createCommandEncoder();
      this.pass = this.encoder.beginComputePass();
    }
    return this.pass;
  }

  /** A buffer from the pool, unless no buffer of the device is so large. */
  private take(op: string, bytes: number): GPUBuffer {
    checkBufferSize(op, bytes, this.device.limits, this.adapter.adapter);
    return this.pool.take(bytes);
  }

  /** The kernel whose label a message of the device quotes. */
  private named(message: string): Culprit | undefined {
    const program = [...this.programs.values()].find(({ source }) =>
      message.includes(`"${source.name}"`),
    );
    if (program === undefined) return undefined;
    return { name: program.source.name, code: program.shader.code };
  }

  private async unmappable(): Promise<DeviceError> {
    await Promise.race([this.device.lost, Promise.resolve()]);
    return (
      this.watch.lost ?? new DeviceError('data', 'internal', 'the device could not map the values.')
    );
  }
}

function bufferOf(memory: Memory): GPUBuffer {
  return (memory as BufferMemory).buffer;
}
