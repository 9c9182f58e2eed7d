// Checks that this version of gpu.js still has the internals on which our own engine relies.

import { messageOf } from '../../../errors.ts';
import type { KernelSource } from '../kernel/dispatch.ts';
import {
  createKernel,
  type GpuJs,
  type GpuJsInstance,
  type GpuJsKernel,
} from '../device/gpu-js.ts';
import { productSource } from './tune.ts';
import { translate } from '../engines/wgsl.ts';

/**
 * Internals of gpu.js that the executor relies on, and that no documentation of gpu.js promises. A backend
 * looks for them before it starts; if one is missing, gpu.js runs the kernels itself. The contract test runs
 * against the installed version and expects that none is missing.
 */

/** A kernel with two arrays, an integer division and an index of several terms. */
const SOURCE: KernelSource = {
  name: 'contract',
  text: [
    'function (a0, a1) {',
    'return exponential(a0[quotient(this.thread.x, 3)]) * a1[this.thread.y * 5 + this.thread.x];',
    '}',
  ].join('\n'),
  inputs: 2,
  output: [5, 4],
};

/** Rows and columns of a product large enough for a blocked form. */
const PRODUCT_SIZE = 64;

/** Bytes of the uniform block of {@link SOURCE}: four words, and four of each array. */
const PARAMS_BYTES = 48;

/** Patterns for the parts of the WGSL of {@link SOURCE} that are bound, replaced or read. */
const WGSL: Readonly<Record<string, RegExp>> = {
  'the uniform block at binding 0': /@binding\(0\) var<uniform> params : Params;/,
  'its first members': /outputX : u32,\s+outputY : u32,\s+outputZ : u32,\s+dispatchWidth : u32,/,
  'arrays from binding 1 on': /@binding\(2\) var<storage, read> user_a1 : array<f32>;/,
  'the output behind them': /@binding\(3\) var<storage, read_write> result : array<f32>;/,
  'the entry point main in squares of 8': /@compute @workgroup_size\(8, 8, 1\)\s+fn main\(/,
  'the exact integer division': /fn fn_quotient\([^)]*\) -> i32 \{\s+return user_a \/ user_b;/,
  'integers inside of an index':
    /get_user_a1\(0, 0, i32\(\(\(i32\(threadGid\.y\)\*5\)\+i32\(threadGid\.x\)\)\)\)/,
};

/**
 * Looks for all of these internals; that needs no device.
 *
 * @returns sentences about what is not as expected; none if the executor can be used
 */
export function missingInternals(library: GpuJs): string[] {
  try {
    const gpu = new library.GPU({ mode: 'webgpu' });
    const missing = missingMembers(library, gpu);
    return missing.length > 0 ? missing : missingText(library, gpu);
  } catch (error) {
    return [messageOf(error)];
  }
}

/** `build` translates before the device is asked for, and `_buildAsync` alone asks for it. */
function missingMembers(library: GpuJs, gpu: GpuJsInstance): string[] {
  const { kernel }: { kernel: GpuJsKernel } = createKernel(gpu, SOURCE, 'webgpu', {});
  if (typeof kernel._buildAsync !== 'function') return ['kernel._buildAsync is no method'];
  let asked = 0;
  kernel._buildAsync = () => {
    asked++;
    return Promise.resolve();
  };
  void kernel.build(...[1, 1].map((n) => library.input(new Float32Array(n), [n])));
  const { compiledSource, paramsLayout } = kernel;
  kernel.destroy();
  return [
    ...(asked === 1 ? [] : ['kernel.build does not call _buildAsync at once']),
    ...(typeof compiledSource === 'string' ? [] : ['kernel.compiledSource is not the WGSL']),
    ...(paramsLayout?.arrayArgs.length === SOURCE.inputs
      ? []
      : ['kernel.paramsLayout does not list the arrays']),
  ];
}

function missingText(library: GpuJs, gpu: GpuJsInstance): string[] {
  const { code, paramsBytes } = translate(library, gpu, SOURCE, 'plain', 1);
  // This throws if the stores of a vector are not found.
  translate(library, gpu, productSource(PRODUCT_SIZE), 'blocked', 1);
  return [
    ...(paramsBytes === PARAMS_BYTES ? [] : [`the uniform block has ${paramsBytes} bytes`]),
    ...Object.entries(WGSL).flatMap(([what, pattern]) =>
      pattern.test(code) ? [] : [`the WGSL does not have ${what}`],
    ),
  ];
}
