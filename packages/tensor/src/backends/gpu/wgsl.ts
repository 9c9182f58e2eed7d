import type { KernelSource } from './dispatch.ts';
import { DeviceError } from './errors.ts';
import { createKernel, type GpuJs, type GpuJsInstance } from './gpu-js.ts';
import { intrinsicName, intrinsicsOf } from './intrinsics.ts';

/** A compute shader and how it is started. */
export interface Shader {
  readonly code: string;
  /** Bytes of the uniform block that gpu.js declares at binding 0. */
  readonly paramsBytes: number;
  readonly workgroup: readonly [number, number, number];
}

/** gpu.js lays threads out in squares; rows keep neighbours in memory together. */
const SQUARE = /@workgroup_size\(8, 8, 1\)/;
const ROW: readonly [number, number, number] = [64, 1, 1];

/**
 * Lets gpu.js translate a kernel to WGSL, and puts the exact bodies of the intrinsics in place. gpu.js
 * would go on to ask for a device of its own; the backend has one, so that step is left out.
 */
export function translate(library: GpuJs, gpu: GpuJsInstance, source: KernelSource): Shader {
  const { kernel } = createKernel(gpu, source, 'webgpu', {});
  kernel._buildAsync = () => Promise.resolve();
  const examples = Array.from({ length: source.inputs }, () =>
    library.input(new Float32Array(1), [1]),
  );
  try {
    void kernel.build(...examples);
  } catch (error) {
    throw new DeviceError(
      source.name,
      'compilation',
      `gpu.js cannot translate the kernel: ${error instanceof Error ? error.message : String(error)}.`,
      source.name,
      source.text,
    );
  }
  const { compiledSource, paramsLayout } = kernel;
  if (typeof compiledSource !== 'string' || paramsLayout == null) {
    throw new DeviceError(
      source.name,
      'internal',
      'this version of gpu.js does not say what it made of the kernel. Install gpu.js@2.24.1.',
    );
  }
  kernel.destroy();
  const isFlat = source.output.length === 1;
  const isWide = source.output[0] > 16;
  return {
    code: withExactIntrinsics(
      isWide ? compiledSource.replace(SQUARE, '@workgroup_size(64, 1, 1)') : compiledSource,
      source,
    ),
    paramsBytes: paramsLayout.byteLength,
    workgroup: isFlat || isWide ? ROW : [8, 8, 1],
  };
}

/** Replaces the bodies of intrinsics for which WGSL has an exact one. */
function withExactIntrinsics(code: string, source: KernelSource): string {
  return intrinsicsOf(source.text).reduce((text, intrinsic) => {
    if (intrinsic.wgsl === undefined) return text;
    const name = intrinsicName(intrinsic);
    const definition = new RegExp(`(fn fn_${name}\\([^)]*\\) -> \\w+ \\{)[^}]*\\}`);
    if (!definition.test(text)) throw unknownForm(source.name, `a function ${name}`);
    return text.replace(definition, `$1\n${intrinsic.wgsl}\n}`);
  }, code);
}

function unknownForm(kernel: string, what: string): DeviceError {
  return new DeviceError(
    kernel,
    'internal',
    `the WGSL of this version of gpu.js does not have ${what} where it is looked for. Install gpu.js@2.24.1.`,
    kernel,
  );
}
