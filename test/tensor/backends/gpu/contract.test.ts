import { describe, expect, it } from 'vitest';
import {
  createKernel,
  loadGpuJs,
  type GpuJsKernel,
} from '../../../../packages/tensor/src/backends/gpu/gpu-js.ts';
import { translate } from '../../../../packages/tensor/src/backends/gpu/wgsl.ts';

// What the gpu backend uses of gpu.js and no documentation promises. If a new version of gpu.js fails
// here, packages/tensor/src/backends/gpu/{gpu-js,wgsl,product-forms,handle-engine}.ts need a look.

const SOURCE = {
  name: 'contract',
  text: 'function (a0, a1) {\nreturn exponential(a0[quotient(this.thread.x, 3)]) * a1[this.thread.y * 5 + this.thread.x];\n}',
  inputs: 2,
  output: [5, 4],
};

/** gpu.js asks for `navigator.gpu` only, of which no device is needed to translate. */
function pretendWebGpu(): void {
  if (globalThis.navigator?.gpu !== undefined) return;
  Object.defineProperty(globalThis, 'navigator', { value: { gpu: {} }, configurable: true });
}

describe('gpu.js', () => {
  it('translates before it asks for a device, which _buildAsync alone would do', async () => {
    pretendWebGpu();
    const library = await loadGpuJs();
    const gpu = new library.GPU({ mode: 'webgpu' });
    const { kernel }: { kernel: GpuJsKernel } = createKernel(gpu, SOURCE, 'webgpu', {});
    expect(typeof kernel._buildAsync, 'kernel._buildAsync is a method').toBe('function');
    let asked = 0;
    kernel._buildAsync = () => {
      asked++;
      return Promise.resolve();
    };
    void kernel.build(...[1, 1].map((n) => library.input(new Float32Array(n), [n])));
    expect(asked, 'build() calls _buildAsync at once').toBe(1);
    expect(typeof kernel.compiledSource, 'kernel.compiledSource is the WGSL').toBe('string');
    expect(kernel.paramsLayout?.arrayArgs.length, 'kernel.paramsLayout lists the arrays').toBe(2);
  });

  it('writes the WGSL that the engine binds and replaces parts of', async () => {
    pretendWebGpu();
    const library = await loadGpuJs();
    const gpu = new library.GPU({ mode: 'webgpu' });
    const { code, paramsBytes } = translate(library, gpu, SOURCE, 'plain', 1);
    expect(paramsBytes).toBe(48);
    const promises = {
      'uniform block at binding 0': /@binding\(0\) var<uniform> params : Params;/,
      'its first members':
        /outputX : u32,\s+outputY : u32,\s+outputZ : u32,\s+dispatchWidth : u32,/,
      'arrays from binding 1 on': /@binding\(2\) var<storage, read> user_a1 : array<f32>;/,
      'output behind them': /@binding\(3\) var<storage, read_write> result : array<f32>;/,
      'entry point main': /@compute @workgroup_size\(8, 8, 1\)\s+fn main\(/,
      'exact integer division': /fn fn_quotient\([^)]*\) -> i32 \{\s+return user_a \/ user_b;/,
      'integers inside of an index':
        /get_user_a1\(0, 0, i32\(\(\(i32\(threadGid\.y\)\*5\)\+i32\(threadGid\.x\)\)\)\)/,
    };
    for (const [what, pattern] of Object.entries(promises)) {
      expect(pattern.test(code), `${what} is not where it was:\n${code}`).toBe(true);
    }
  });
});
