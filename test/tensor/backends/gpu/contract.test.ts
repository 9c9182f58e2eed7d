import { describe, expect, it } from 'vitest';
import { loadGpuJs } from '../../../../packages/tensor/src/backends/gpu/device/gpu-js.ts';
import { missingInternals } from '../../../../packages/tensor/src/backends/gpu/start/internals.ts';
import { withoutInternal } from './other-gpu-js.ts';

// What the gpu backend uses of gpu.js and no documentation promises. If a new version of gpu.js fails
// here, packages/tensor/src/backends/gpu/{gpu-js,wgsl,product-forms,runners}.ts need a look.

/** gpu.js asks for `navigator.gpu` only, of which no device is needed to translate. */
function pretendWebGpu(): void {
  if (globalThis.navigator?.gpu !== undefined) return;
  Object.defineProperty(globalThis, 'navigator', { value: { gpu: {} }, configurable: true });
}

describe('gpu.js', () => {
  it('has the internals that the executor uses', async () => {
    pretendWebGpu();
    expect(missingInternals(await loadGpuJs())).toEqual([]);
  });

  it.each([
    ['_buildAsync', 'kernel._buildAsync is no method'],
    ['compiledSource', 'kernel.compiledSource is not the WGSL'],
    ['paramsLayout', 'kernel.paramsLayout does not list the arrays'],
  ])('is told from one without %s', async (internal, missing) => {
    pretendWebGpu();
    expect(missingInternals(withoutInternal(await loadGpuJs(), internal))).toEqual([missing]);
  });
});
