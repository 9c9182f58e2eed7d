// Kernels that gpu.js runs itself: functions from handles to a handle.

import { allocateArray } from '../../../array/dtype.ts';
import { messageOf } from '../../../errors.ts';
import type { KernelSource } from '../kernel/dispatch.ts';
import type { Program } from '../device/engine.ts';
import type { GpuMode } from '../device/report.ts';
import { DeviceError } from '../device/errors.ts';
import {
  createKernel,
  type GpuJs,
  type GpuJsInstance,
  type GpuJsRunner,
  type GpuJsSettings,
} from '../device/gpu-js.ts';

/** A kernel that gpu.js runs itself. */
export class RunnerProgram implements Program {
  readonly source: KernelSource;
  /** Whether it has run. The first run compiles it. */
  hasRun = false;
  readonly #create: () => GpuJsRunner;
  #created: GpuJsRunner | null;

  constructor(source: KernelSource, create: () => GpuJsRunner) {
    this.source = source;
    this.#create = create;
    this.#created = create();
  }

  /** The kernel as a function. */
  get run(): GpuJsRunner {
    this.#created ??= this.#create();
    return this.#created;
  }

  /**
   * Gives up the kernel behind a function; the program creates a new one when it next runs. gpu.js keeps
   * buffers with a kernel, even those whose allocation failed. Results that it has computed are not among
   * them.
   */
  giveUp(run: GpuJsRunner): void {
    run.kernel.destroy();
    if (this.#created !== run) return;
    this.#created = null;
    this.hasRun = false;
  }
}

/** The kernel that copies its argument: it turns an array into memory of a device. */
const IDENTITY: Omit<KernelSource, 'output'> = {
  name: 'upload',
  text: 'function (a0) {\nreturn a0[this.thread.x];\n}',
  inputs: 1,
};

/** Kernels as the public API of gpu.js has them: functions from handles to a handle. */
export class Runners {
  readonly library: GpuJs;
  readonly gpu: GpuJsInstance;
  readonly #mode: GpuMode;
  readonly #context: WebGL2RenderingContext | null;
  readonly #programs = new Map<string, RunnerProgram>();

  /** @param context The WebGL context of the textures, in mode webgl2. */
  constructor(
    library: GpuJs,
    gpu: GpuJsInstance,
    mode: GpuMode,
    context: WebGL2RenderingContext | null = null,
  ) {
    this.library = library;
    this.gpu = gpu;
    this.#mode = mode;
    this.#context = context;
  }

  /** Whether the results of kernels stay on a device. */
  get isPipelined(): boolean {
    return this.#mode === 'webgl2' || this.#mode === 'webgpu';
  }

  /** Makes the kernel of a source. */
  program(source: KernelSource): RunnerProgram {
    const key = `${source.output.join()} ${source.text}`;
    let program = this.#programs.get(key);
    if (program === undefined) {
      program = new RunnerProgram(source, () => this.#create(source, !this.isPipelined));
      this.#programs.set(key, program);
    }
    return program;
  }

  /** Makes a kernel that copies an array of `length` elements to the device. */
  upload(length: number, settings: Partial<GpuJsSettings> = {}): RunnerProgram {
    const source = { ...IDENTITY, output: [length] };
    return new RunnerProgram(source, () => this.#create(source, true, settings));
  }

  #create(
    source: KernelSource,
    takesInputs: boolean,
    settings: Partial<GpuJsSettings> = {},
  ): GpuJsRunner {
    const all = {
      dynamicArguments: true,
      ...(this.isPipelined ? { pipeline: true, immutable: true } : {}),
      ...settings,
    };
    const run = createKernel(this.gpu, source, this.#mode, all, takesInputs);
    this.#checkMode(source, run);
    return run;
  }

  /** Throws if gpu.js runs the kernel in another mode, to which it falls back silently. */
  #checkMode(source: KernelSource, { kernel }: GpuJsRunner): void {
    const { constructor: kind } = kernel;
    const isRight =
      this.#mode === 'webgl2'
        ? kind.mode === 'gpu' && kind.isContextMatch?.(this.#context) === true
        : kind.mode === this.#mode;
    if (isRight) return;
    throw new DeviceError(
      source.name,
      'internal',
      `gpu.js runs the kernel in mode ${kind.mode ?? 'unknown'}, but mode ${this.#mode} was asked for.`,
      { kernel: source.name, source: source.text },
    );
  }
}

/** The error for a kernel that gpu.js refuses: to compile it if it has never run, else to run it. */
export function refusedBy(error: unknown, { source, hasRun }: RunnerProgram): DeviceError {
  const { name, text } = source;
  return new DeviceError(
    name,
    hasRun ? 'internal' : 'compilation',
    `gpu.js cannot run the kernel: ${messageOf(error)}.`,
    { kernel: name, source: text, cause: error },
  );
}

/** The elements of a result that gpu.js returns as rows of rows, in order. */
export function flattenRows(values: unknown, size: number): Float32Array {
  if (values instanceof Float32Array && values.length === size) return values;
  const result = allocateArray('float32', size, 'data');
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
