// The parts of gpu.js that we use, typed; loads gpu.js and makes its kernels.

import { messageOf } from '../../../errors.ts';
import { DeviceError } from './errors.ts';
import type { GpuMode } from './report.ts';
import type { KernelSource } from '../kernel/dispatch.ts';
import {
  intrinsicArguments,
  intrinsicName,
  intrinsicsOf,
  type Intrinsic,
} from '../kernel/intrinsics.ts';

/**
 * The types of those parts of gpu.js 2.24.1 that the backend uses. {@link GpuJsKernel} has undocumented
 * members; internals.ts looks for them before they are used.
 */
export interface GpuJs {
  readonly GPU: new (settings: {
    readonly mode: GpuMode;
    readonly canvas?: OffscreenCanvas;
    readonly context?: WebGL2RenderingContext;
  }) => GpuJsInstance;
  input(value: Float32Array, size: readonly number[]): unknown;
  /** The device of mode webgpu; missing if gpu.js has no such mode. */
  readonly WebGPUContext?: SharedContext;
}

/** The one WebGPU device that all instances of gpu.js share. */
export interface SharedContext {
  acquire(): Promise<{ readonly adapter: GPUAdapter; readonly device: GPUDevice }>;
  destroy(): Promise<void>;
}

/** An instance of gpu.js's class `GPU`. */
export interface GpuJsInstance {
  createKernel(source: string, settings: GpuJsSettings): GpuJsRunner;
  destroy(): Promise<void> | void;
}

/** The settings that the backend passes to a kernel. */
export interface GpuJsSettings {
  readonly output: readonly number[];
  readonly functions: readonly unknown[];
  readonly nativeFunctions?: readonly unknown[];
  readonly argumentTypes?: Readonly<Record<string, string>>;
  readonly precision: 'single';
  readonly loopMaxIterations: number;
  readonly returnType?: 'Array(4)';
  readonly pipeline?: boolean;
  readonly immutable?: boolean;
  readonly dynamicArguments?: boolean;
  readonly dynamicOutput?: boolean;
}

/** A kernel as a function from handles or inputs to its result. */
export interface GpuJsRunner {
  (...inputs: readonly unknown[]): unknown;
  readonly kernel: GpuJsKernel;
  setOutput(output: readonly number[]): unknown;
}

/** The kernel object behind a function. */
export interface GpuJsKernel {
  readonly constructor: {
    /** The mode; `'gpu'` for both versions of WebGL. */
    readonly mode?: string;
    isContextMatch?(context: unknown): boolean;
  };
  /** On WebGPU: translates at once, then calls `_buildAsync`, which needs the device. */
  build(...inputs: readonly unknown[]): Promise<void> | void;
  _buildAsync?: () => Promise<void>;
  /** On WebGPU: the WGSL, after translation. */
  readonly compiledSource?: string | null;
  readonly paramsLayout?: {
    readonly byteLength: number;
    readonly arrayArgs: readonly unknown[];
  } | null;
  destroy(): void;
}

/** Limit of rounds of a loop. Without it gpu.js silently ends loops after its own, small limit. */
const LOOP_MAX_ITERATIONS = 2 ** 30;

/** Loads gpu.js, an optional peer dependency. */
export async function loadGpuJs(): Promise<GpuJs> {
  let library: unknown;
  try {
    library = await import('gpu.js');
  } catch (error) {
    throw new DeviceError(
      'gpuBackend',
      'unavailable',
      `gpu.js cannot be loaded (${messageOf(error)}). Install it: npm install gpu.js@2.24.1 webgpu@0.4.0`,
      { cause: error },
    );
  }
  const named = library as Partial<GpuJs> & { readonly default?: Partial<GpuJs> };
  const { GPU, input, WebGPUContext } = named.GPU === undefined ? { ...named.default } : named;
  if (GPU === undefined || input === undefined) {
    throw new DeviceError(
      'gpuBackend',
      'unavailable',
      'gpu.js exports no GPU. Install gpu.js@2.24.1.',
    );
  }
  return { GPU, input, ...(WebGPUContext === undefined ? {} : { WebGPUContext }) };
}

/**
 * Creates a kernel of gpu.js with the intrinsics that its text calls.
 *
 * @param takesInputs Whether the kernel gets arrays. If not, gpu.js learns the kind of its arguments from the
 *   first call, and expects the same kind from then on.
 */
export function createKernel(
  gpu: GpuJsInstance,
  source: KernelSource,
  mode: GpuMode,
  settings: Partial<GpuJsSettings>,
  takesInputs = true,
): GpuJsRunner {
  const names = Array.from({ length: source.inputs }, (_, i) => `a${i}`);
  const isNative = (intrinsic: Intrinsic): boolean =>
    mode === 'webgl2' && intrinsic.glsl !== undefined;
  const called = intrinsicsOf(source.text);
  const native = called.filter(isNative);
  return gpu.createKernel(source.text, {
    output: source.output,
    functions: called.filter((each) => !isNative(each)).map(declareFunction),
    ...(native.length === 0 ? {} : { nativeFunctions: native.map(declareNative) }),
    ...(takesInputs
      ? { argumentTypes: Object.fromEntries(names.map((name) => [name, 'Input'])) }
      : {}),
    precision: 'single',
    loopMaxIterations: LOOP_MAX_ITERATIONS,
    ...settings,
  });
}

function declareFunction(intrinsic: Intrinsic): unknown {
  return { source: intrinsic.source, settings: typesOf(intrinsic) };
}

function declareNative(intrinsic: Intrinsic): unknown {
  return {
    name: intrinsicName(intrinsic),
    source: intrinsic.glsl,
    ...typesOf(intrinsic),
  };
}

function typesOf(intrinsic: Intrinsic): object {
  const names = intrinsicArguments(intrinsic);
  return {
    argumentTypes: Object.fromEntries(names.map((name, i) => [name, intrinsic.types[i]])),
    returnType: intrinsic.returns,
  };
}
