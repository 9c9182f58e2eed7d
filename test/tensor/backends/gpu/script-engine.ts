import { plainReport } from '../../../../packages/tensor/src/backends/gpu/device.ts';
import { loadGpuJs } from '../../../../packages/tensor/src/backends/gpu/gpu-js.ts';
import { HandleEngine } from '../../../../packages/tensor/src/backends/gpu/handle-engine.ts';

/** An engine on which gpu.js runs the texts of kernels as JavaScript. */
export async function scriptEngine(): Promise<HandleEngine> {
  const library = await loadGpuJs();
  return new HandleEngine(library, new library.GPU({ mode: 'cpu' }), plainReport('cpu', 'test'));
}
