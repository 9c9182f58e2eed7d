import { plainReport } from '../../../../packages/tensor/src/backends/gpu/device/device.ts';
import { loadGpuJs } from '../../../../packages/tensor/src/backends/gpu/device/gpu-js.ts';
import { HandleEngine } from '../../../../packages/tensor/src/backends/gpu/engines/handle-engine.ts';

/** An engine on which gpu.js runs the texts of kernels as JavaScript. */
export async function scriptEngine(): Promise<HandleEngine> {
  const library = await loadGpuJs();
  return new HandleEngine(library, new library.GPU({ mode: 'cpu' }), plainReport('cpu', 'test'));
}
