import type { KernelSource } from './dispatch.ts';
import type { DeviceReport, Engine, Memory, MemoryUse, Program } from './engine.ts';
import { DeviceError } from './errors.ts';
import { createKernel, type GpuJs, type GpuJsInstance, type GpuJsRunner } from './gpu-js.ts';
import type { KernelLimits } from './lowering.ts';

/** What a kernel of gpu.js gives in pipeline mode on WebGL: a counted reference to a texture. */
interface Texture {
  readonly constructor: unknown;
  readonly texture: WebGLTexture;
  readonly size: readonly number[];
  toArray(): unknown;
  delete(): void;
}

/** The class of the textures of kernels with one-dimensional output. */
type FlatTexture = new (settings: Partial<Texture> & { readonly output: number[] }) => Texture;

class HandleMemory implements Memory {
  readonly size: number;
  /** A texture, or an `Input` around an array. */
  readonly handle: unknown;
  readonly array: Float32Array | null;

  constructor(size: number, handle: unknown, array: Float32Array | null) {
    this.size = size;
    this.handle = handle;
    this.array = array;
  }
}

interface HandleProgram extends Program {
  readonly run: GpuJsRunner;
}

/** Arrays that a kernel reads here; WebGL 2 has at least 16 texture units. */
const INPUTS = 8;

const IDENTITY: Omit<KernelSource, 'output'> = {
  name: 'upload',
  text: 'function (a0) {\nreturn a0[this.thread.x];\n}',
  inputs: 1,
};

/**
 * Runs kernels through the public API of gpu.js: on WebGL 2 with textures that stay on the device, in
 * the modes webasm and cpu with arrays.
 */
export class HandleEngine implements Engine {
  readonly report: DeviceReport;
  readonly limits: KernelLimits = { inputs: INPUTS };
  readonly runsEntries = false;
  private readonly library: GpuJs;
  private readonly gpu: GpuJsInstance;
  private readonly context: WebGL2RenderingContext | null;
  private readonly programs = new Map<string, HandleProgram>();
  private readonly uploads = new Map<number, GpuJsRunner>();
  private flatTexture: FlatTexture | null = null;
  private buffers = 0;
  private bytes = 0;

  /** @param context Where the textures are, in mode webgl2. */
  constructor(
    library: GpuJs,
    gpu: GpuJsInstance,
    report: DeviceReport,
    context: WebGL2RenderingContext | null = null,
  ) {
    this.library = library;
    this.context = context;
    this.gpu = gpu;
    this.report = report;
  }

  compile(source: KernelSource): Program {
    const key = `${source.output.join()} ${source.text}`;
    let program = this.programs.get(key);
    if (program === undefined) {
      program = { source, run: this.create(source, !this.isTextured) };
      this.programs.set(key, program);
    }
    return program;
  }

  run(program: Program, inputs: readonly Memory[]): Memory {
    const { source, run } = program as HandleProgram;
    const result = this.call(source, run, inputs.map(handleOf));
    const size = source.output.reduce((a, b) => a * b, 1);
    return this.keep(size, result);
  }

  submit(): void {
    // Calls run at once, or are queued by WebGL itself.
  }

  upload(values: Float32Array): Memory {
    if (!this.isTextured) return this.keep(values.length, values);
    const { length } = values;
    let upload = this.uploads.get(length);
    if (upload === undefined) {
      upload = this.create({ ...IDENTITY, output: [length] }, true);
      this.uploads.set(length, upload);
    }
    const texture = upload(this.library.input(values, [length])) as Texture;
    this.flatTexture ??= texture.constructor as FlatTexture;
    return this.keep(length, texture);
  }

  free(memory: Memory): void {
    this.buffers--;
    this.bytes -= memory.size * Float32Array.BYTES_PER_ELEMENT;
    if (this.isTextured) (handleOf(memory) as Texture).delete();
  }

  read(memory: Memory): Promise<Float32Array> {
    return new Promise((resolve) => {
      resolve(this.readSync(memory));
    });
  }

  readSync(memory: Memory): Float32Array {
    this.checkContext();
    const { array, handle, size } = memory as HandleMemory;
    return array ?? flattenRows((handle as Texture).toArray(), size);
  }

  memoryUse(): MemoryUse {
    return { buffers: this.buffers, bytes: this.bytes };
  }

  async dispose(): Promise<void> {
    await this.gpu.destroy();
  }

  private get isTextured(): boolean {
    return this.report.mode === 'webgl2';
  }

  private create(source: KernelSource, takesInputs: boolean): GpuJsRunner {
    const settings = {
      dynamicArguments: true,
      ...(this.isTextured ? { pipeline: true, immutable: true } : {}),
    };
    const run = createKernel(this.gpu, source, this.report.mode, settings, takesInputs);
    this.checkMode(source, run);
    return run;
  }

  /** Refuses a kernel of another mode, to which gpu.js falls back without a word. */
  private checkMode(source: KernelSource, { kernel }: GpuJsRunner): void {
    const { mode } = this.report;
    const { constructor: kind } = kernel;
    const isRight =
      mode === 'webgl2'
        ? kind.mode === 'gpu' && kind.isContextMatch?.(this.context) === true
        : kind.mode === mode;
    if (isRight) return;
    throw new DeviceError(
      source.name,
      'internal',
      `gpu.js runs the kernel in mode ${kind.mode ?? 'unknown'}, but mode ${mode} was asked for.`,
      source.name,
      source.text,
    );
  }

  private call(source: KernelSource, run: GpuJsRunner, handles: readonly unknown[]): unknown {
    try {
      return run(...handles);
    } catch (error) {
      throw new DeviceError(
        source.name,
        'compilation',
        `gpu.js cannot run the kernel: ${error instanceof Error ? error.message : String(error)}.`,
        source.name,
        source.text,
      );
    }
  }

  private keep(size: number, result: unknown): HandleMemory {
    this.buffers++;
    this.bytes += size * Float32Array.BYTES_PER_ELEMENT;
    if (this.isTextured) return new HandleMemory(size, this.flatten(result as Texture, size), null);
    const array = flattenRows(result, size);
    return new HandleMemory(size, this.library.input(array, [size]), array);
  }

  /**
   * The same texture as a one-dimensional one: a kernel takes only the class of texture that it was
   * first given, and all are read by flat indices anyway.
   */
  private flatten(texture: Texture, size: number): Texture {
    if (this.flatTexture === null || texture.constructor === this.flatTexture) return texture;
    const flat = new this.flatTexture({ ...texture, output: [size] });
    texture.delete();
    return flat;
  }

  private checkContext(): void {
    if (this.context?.isContextLost() !== true) return;
    throw new DeviceError(
      'gpu',
      'lost',
      'the WebGL context was lost. Make a new backend with gpuBackend(), and the tensors anew.',
    );
  }
}

function handleOf(memory: Memory): unknown {
  return (memory as HandleMemory).handle;
}

/** The elements of rows of rows, in order. */
function flattenRows(values: unknown, size: number): Float32Array {
  if (values instanceof Float32Array && values.length === size) return values;
  const result = new Float32Array(size);
  let at = 0;
  const visit = (part: unknown): void => {
    if (part instanceof Float32Array) {
      result.set(part, at);
      at += part.length;
    } else if (Array.isArray(part)) {
      part.forEach(visit);
    }
  };
  visit(values);
  return result;
}
