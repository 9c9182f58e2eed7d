import { openDevice, plainReport } from './device.ts';
import type { KernelSource } from './dispatch.ts';
import { entriesAreRight } from './entry-check.ts';
import type { CompositeForm, Engine, GpuMode, ProductForm } from './engine.ts';
import { DeviceError } from './errors.ts';
import type { GpuJs } from './gpu-js.ts';
import { HandleEngine } from './handle-engine.ts';
import { tuneRows } from './tune-rows.ts';
import { tune } from './tune.ts';
import { WebGpuEngine } from './webgpu-engine.ts';

/** Integer division, a sum of products and a function of each element: little, but numbers that a dead device does not give. */
const PROBE: KernelSource = {
  name: 'probe',
  text: [
    'function (a0, a1) {',
    'let s = 0;',
    'for (let k = 0; k < 4; k++) {',
    's = s + a0[quotient(this.thread.x, 4) * 4 + k] * a1[remainder(this.thread.x, 4) + 4 * k];',
    '}',
    'return exponential(s);',
    '}',
  ].join('\n'),
  inputs: 2,
  output: [16],
};

/** How kernels run that have several forms on WebGPU. */
export interface Forms {
  readonly products: ProductForm | 'measured';
  readonly composites: CompositeForm | 'checked';
}

/** Software adapters are off by about 1e-6 in exp. */
const TOLERANCE = 1e-5;

/**
 * Starts an engine in a mode, makes it compute something whose result is known, and on WebGPU measures
 * how matrix products run best and checks that kernels whose threads share memory are right.
 *
 * @throws DeviceError if the mode is not there, or computes something else
 */
export async function startEngine(
  library: GpuJs,
  mode: GpuMode,
  { products, composites }: Forms,
): Promise<Engine> {
  const engine = await openEngine(library, mode);
  try {
    await probe(engine);
    if (engine instanceof WebGpuEngine) {
      if (products === 'measured') {
        const tuning = await tune(engine);
        engine.runProductsAs(tuning.fastest, tuning);
      } else {
        engine.runProductsAs(products, null);
      }
      await chooseComposites(engine, composites);
    }
  } catch (error) {
    await engine.dispose();
    throw error;
  }
  return engine;
}

async function chooseComposites(
  engine: WebGpuEngine,
  composites: CompositeForm | 'checked',
): Promise<void> {
  if (composites === 'decomposed') return;
  engine.runComposites('fused', await tuneRows(engine));
  if (composites === 'checked' && !(await entriesAreRight(engine))) {
    engine.runComposites('decomposed', 1);
  }
}

async function openEngine(library: GpuJs, mode: GpuMode): Promise<Engine> {
  if (mode === 'webgpu') {
    const { device, report } = await openDevice();
    return new WebGpuEngine(device, library, report);
  }
  if (mode === 'webgl2') return openWebGl2(library);
  return new HandleEngine(
    library,
    new library.GPU({ mode }),
    plainReport(mode, mode === 'webasm' ? 'WebAssembly' : 'JavaScript'),
  );
}

function openWebGl2(library: GpuJs): Engine {
  const canvas = typeof OffscreenCanvas === 'undefined' ? null : new OffscreenCanvas(1, 1);
  const context = canvas?.getContext('webgl2') ?? null;
  const floats = context?.getExtension('EXT_color_buffer_float') ?? null;
  if (canvas === null || context === null || floats === null) {
    throw new DeviceError(
      'gpuBackend',
      'unavailable',
      'mode webgl2 needs a browser with WebGL 2 that can render to floats (EXT_color_buffer_float). Pass mode: "auto".',
    );
  }
  const names = context.getExtension('WEBGL_debug_renderer_info');
  const name = String(context.getParameter(names?.UNMASKED_RENDERER_WEBGL ?? context.RENDERER));
  const gpu = new library.GPU({ mode: 'webgl2', canvas, context });
  return new HandleEngine(library, gpu, plainReport('webgl2', name), context);
}

async function probe(engine: Engine): Promise<void> {
  const [a, b] = [0, 1].map((seed) =>
    Float32Array.from({ length: 16 }, (_, i) => Math.sin(1 + i + 20 * seed)),
  );
  const inputs = [engine.upload(a), engine.upload(b)];
  const output = engine.run(engine.compile(PROBE), inputs);
  const values = await engine.read(output);
  for (const memory of [...inputs, output]) engine.free(memory);
  const wrong = values.findIndex((value, i) => {
    const row = 4 * Math.floor(i / 4);
    const sum = [0, 1, 2, 3].reduce((s, k) => s + a[row + k] * b[(i % 4) + 4 * k], 0);
    return !(Math.abs(value - Math.exp(sum)) <= TOLERANCE * Math.exp(sum));
  });
  if (wrong === -1) return;
  throw new DeviceError(
    'gpuBackend',
    'unavailable',
    `mode ${engine.report.mode} on ${engine.report.adapter} computes wrong numbers: element ${wrong} of the probe is ${values[wrong]}. ` +
      'Update the driver, or pass another mode.',
  );
}
