// The engine for WebGL 2, webasm and cpu mode, through the public API of gpu.js.

import type { Range } from '../../../array/dtype.ts';
import { ContextWatch } from '../device/context-watch.ts';
import type { Engine, Memory, MemoryUse, Program } from '../device/engine.ts';
import type { DeviceReport } from '../device/report.ts';
import { internalIn, type DeviceError } from '../device/errors.ts';
import type { GpuJs, GpuJsInstance } from '../device/gpu-js.ts';
import type { KernelLimits } from '../kernel/lowering.ts';
import { floatsIn } from '../device/ranges.ts';
import { flattenRows, refusedBy, Runners, type RunnerProgram } from './runners.ts';

/** The result of a gpu.js kernel in pipeline mode on WebGL: a reference-counted texture. */
interface Texture {
  readonly constructor: unknown;
  readonly texture: WebGLTexture;
  readonly size: readonly number[];
  toArray(): unknown;
  delete(): void;
}

/** The class of the textures that kernels with one-dimensional output return. */
type FlatTexture = new (settings: Partial<Texture> & { readonly output: number[] }) => Texture;

class HandleMemory implements Memory {
  readonly size: number;
  /** A texture, or an `Input` around an array. */
  readonly handle: unknown;
  readonly array: Float32Array | null;
  /** The era in which it was made, see {@link ContextWatch}. */
  readonly era: number;

  constructor(size: number, handle: unknown, array: Float32Array | null, era: number) {
    this.size = size;
    this.handle = handle;
    this.array = array;
    this.era = era;
  }
}

/** Arrays that a kernel can read here; WebGL 2 has at least 16 texture units. */
const INPUTS = 8;

/**
 * Runs kernels through the public API of gpu.js, in the modes whose calls return results at once: WebGL 2,
 * with textures that stay on the device, and webasm and cpu, with arrays.
 */
export class HandleEngine implements Engine {
  readonly report: DeviceReport;
  readonly limits: KernelLimits = { inputs: INPUTS };
  readonly runsEntries = false;
  readonly #runners: Runners;
  /** `null` in modes that have no context. */
  readonly #watch: ContextWatch | null;
  readonly #uploads = new Map<number, RunnerProgram>();
  #flatTexture: FlatTexture | null = null;
  #buffers = 0;
  #bytes = 0;

  /** @param context The WebGL context of the textures, in mode webgl2. */
  constructor(
    library: GpuJs,
    gpu: GpuJsInstance,
    report: DeviceReport,
    context: WebGL2RenderingContext | null = null,
  ) {
    this.#runners = new Runners(library, gpu, report.mode, context);
    this.#watch = context === null ? null : new ContextWatch(context);
    this.report = report;
  }

  compile(source: Program['source']): Program {
    return this.#runners.program(source);
  }

  run(program: Program, inputs: readonly Memory[]): Memory {
    const kernel = program as RunnerProgram;
    inputs.forEach((input) => {
      this.#check(input);
    });
    const size = kernel.source.output.reduce((a, b) => a * b, 1);
    return this.#keep(size, this.#call(kernel, inputs.map(handleOf)));
  }

  submit(): void {
    // Nothing to do: calls run at once, or WebGL queues them itself.
  }

  upload(values: Float32Array): Memory {
    this.#watch?.checkLoss();
    if (!this.#isTextured) return this.#keep(values.length, values);
    const { length } = values;
    let upload = this.#uploads.get(length);
    if (upload === undefined) {
      upload = this.#runners.upload(length);
      this.#uploads.set(length, upload);
    }
    const texture = this.#call(upload, [this.#runners.library.input(values, [length])]) as Texture;
    this.#flatTexture ??= texture.constructor as FlatTexture;
    return this.#keep(length, texture);
  }

  free(memory: Memory): void {
    this.#buffers--;
    this.#bytes -= memory.size * Float32Array.BYTES_PER_ELEMENT;
    if (this.#isTextured) (handleOf(memory) as Texture).delete();
  }

  read(memory: Memory, ranges?: readonly Range[]): Promise<Float32Array> {
    return new Promise((resolve) => {
      resolve(this.readSync(memory, ranges));
    });
  }

  readSync(memory: Memory, ranges?: readonly Range[]): Float32Array {
    this.#check(memory);
    const { array, handle, size } = memory as HandleMemory;
    let all: Float32Array;
    try {
      all = array ?? flattenRows((handle as Texture).toArray(), size);
    } catch (error) {
      this.#watch?.ask();
      this.#check(memory);
      throw internalIn('data', error);
    }
    this.#watch?.ask();
    this.#check(memory);
    return floatsIn(all, ranges);
  }

  failureOf(memory: Memory): DeviceError | null {
    return this.#watch?.failureOf((memory as HandleMemory).era) ?? null;
  }

  memoryUse(): MemoryUse {
    return { buffers: this.#buffers, bytes: this.#bytes };
  }

  async dispose(): Promise<void> {
    await this.#runners.gpu.destroy();
  }

  get #isTextured(): boolean {
    return this.#runners.isPipelined;
  }

  /** Runs a kernel on handles, and returns its result. */
  #call(program: RunnerProgram, handles: readonly unknown[]): unknown {
    let result: unknown;
    try {
      result = program.run(...handles);
    } catch (error) {
      this.#watch?.checkLoss();
      throw refusedBy(error, program);
    }
    program.hasRun = true;
    return result;
  }

  #keep(size: number, result: unknown): HandleMemory {
    this.#buffers++;
    this.#bytes += size * Float32Array.BYTES_PER_ELEMENT;
    const era = this.#watch?.era ?? 0;
    if (this.#isTextured) {
      return new HandleMemory(size, this.#flatten(result as Texture, size), null, era);
    }
    const array = flattenRows(result, size);
    return new HandleMemory(size, this.#runners.library.input(array, [size]), array, era);
  }

  /**
   * The same texture as a one-dimensional one. A kernel accepts only the class of texture that it got at
   * first, and every kernel reads by flat indices.
   */
  #flatten(texture: Texture, size: number): Texture {
    if (this.#flatTexture === null || texture.constructor === this.#flatTexture) return texture;
    const flat = new this.#flatTexture({ ...texture, output: [size] });
    texture.delete();
    return flat;
  }

  /** Throws the WebGL failure that made these values invalid, see {@link ContextWatch.check}. */
  #check(memory: Memory): void {
    this.#watch?.check((memory as HandleMemory).era);
  }
}

function handleOf(memory: Memory): unknown {
  return (memory as HandleMemory).handle;
}
