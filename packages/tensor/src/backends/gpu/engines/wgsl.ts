// Turns kernel text into WGSL by gpu.js, then puts in exact functions and shared-memory entries.

import { messageOf } from '../../../errors.ts';
import type { KernelSource, WorkgroupEntry } from '../kernel/dispatch.ts';
import type { ProductForm } from '../device/report.ts';
import { DeviceError } from '../device/errors.ts';
import { createKernel, type GpuJs, type GpuJsInstance } from '../device/gpu-js.ts';
import { intrinsicName, intrinsicsOf } from '../kernel/intrinsics.ts';
import { blockedSource, formOf, storeBlocks, tiledEntry } from './product-forms.ts';
import type { Shader } from '../device/shader.ts';
import { MAX_GROUPS } from '../kernel/threads.ts';

/** The square workgroups of gpu.js. In rows instead, neighbouring threads read neighbouring memory. */
const SQUARE = /@workgroup_size\(8, 8, 1\)/;
const ROW: readonly [number, number, number] = [64, 1, 1];

/**
 * Translates a kernel: a matrix product in the fastest form of the device, another kernel as its entry if it
 * has one.
 *
 * @param elementsOfThread The number that entries are made with.
 */
export function translate(
  library: GpuJs,
  gpu: GpuJsInstance,
  source: KernelSource,
  fastest: ProductForm,
  elementsOfThread: number,
): Shader {
  const { product } = source;
  const form = formOf(product, fastest);
  if (product !== undefined && form === 'tiled') {
    return withEntry(translateSource(library, gpu, source), tiledEntry(product), form);
  }
  const entry = source.entry?.(elementsOfThread);
  if (entry !== undefined) return withEntry(translateSource(library, gpu, source), entry, 'shared');
  if (product === undefined || form === 'plain') return translateSource(library, gpu, source);
  const blocked = translateSource(library, gpu, blockedSource(source, product), 'Array(4)');
  const code = storeBlocks(blocked.code, product);
  if (code === null) throw unknownForm(source.name, 'stores of a vector');
  return { ...blocked, code, form };
}

/**
 * Lets gpu.js translate a kernel to WGSL, and inserts the exact bodies of the intrinsics. gpu.js would then
 * ask for a device of its own; that step is left out, since the backend has one.
 */
function translateSource(
  library: GpuJs,
  gpu: GpuJsInstance,
  source: KernelSource,
  returnType?: 'Array(4)',
): Shader {
  const { kernel } = createKernel(
    gpu,
    source,
    'webgpu',
    returnType === undefined ? {} : { returnType },
  );
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
      `gpu.js cannot translate the kernel: ${messageOf(error)}.`,
      { kernel: source.name, source: source.text, cause: error },
    );
  }
  const { compiledSource, paramsLayout } = kernel;
  if (typeof compiledSource !== 'string' || paramsLayout === undefined || paramsLayout === null) {
    throw unknownForm(source.name, 'its text');
  }
  kernel.destroy();
  const isFlat = source.output.length === 1;
  const [x, y = 1] = source.output;
  // A workgroup that is a row covers one y, so y must not exceed the number of workgroups.
  const isWide = x > 16 && y <= MAX_GROUPS;
  const code = isWide
    ? compiledSource.replace(SQUARE, '@workgroup_size(64, 1, 1)')
    : compiledSource;
  return {
    form: 'plain',
    code: withExactIntrinsics(code, source),
    paramsBytes: paramsLayout.byteLength,
    threads: source.output,
    workgroup: isFlat || isWide ? ROW : [8, 8, 1],
  };
}

/** The bindings and functions that gpu.js writes, followed by another entry. */
function withEntry(
  shader: Shader,
  { code: entry, threads, workgroup }: WorkgroupEntry,
  form: Shader['form'],
): Shader {
  const [head] = shader.code.split('@compute');
  return { ...shader, form, code: `${head}${entry}`, threads, workgroup };
}

/** Replaces the bodies of those intrinsics for which WGSL has an exact one. */
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
    `the WGSL of this version of gpu.js does not have ${what} at the expected place. Install gpu.js@2.24.1.`,
    { kernel },
  );
}
