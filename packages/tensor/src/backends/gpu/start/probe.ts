// Starts an engine in a mode and makes it compute something known, before anyone relies on it.

import { messageOf } from '../../../errors.ts';
import { chooseForms, type FormOptions } from './choose-forms.ts';
import { openDevice, plainReport } from '../device/device.ts';
import type { KernelSource } from '../kernel/dispatch.ts';
import type { Engine } from '../device/engine.ts';
import type { Executor, GpuMode } from '../device/report.ts';
import { DeviceError } from '../device/errors.ts';
import type { GpuJs } from '../device/gpu-js.ts';
import { HandleEngine } from '../engines/handle-engine.ts';
import { missingInternals } from './internals.ts';
import { objection, ownWish } from './options.ts';
import { QueuedEngine } from '../engines/queued-engine.ts';
import { WebGpuEngine } from '../engines/webgpu-engine.ts';

/** Integer division, a sum of products and a function of each element: numbers that no dead device gives. */
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

/** Allowed difference: software adapters are off by about 1e-6 in exp. */
const TOLERANCE = 1e-5;

/** How an engine is started. */
export interface StartOptions extends FormOptions {
  readonly mode: GpuMode;
  /** Default: `'own'` where it can run. */
  readonly executor?: Executor | undefined;
}

/** An engine that has computed the probe right. */
export interface StartedEngine {
  readonly engine: Engine;
  /** Why it is not the usual engine, as sentences; none if it is. */
  readonly fallbacks: readonly string[];
}

/**
 * Starts an engine in a mode and makes it compute something whose result is known. If it has a choice, it
 * also measures the fastest form of matrix products, and checks the numbers of kernels whose threads share
 * memory.
 *
 * @throws DeviceError if the mode or the executor is not available, or computes wrong numbers
 */
export async function startEngine(library: GpuJs, options: StartOptions): Promise<StartedEngine> {
  try {
    const started = await openEngine(library, options);
    const problems = await tryOut(started.engine, options);
    return { ...started, fallbacks: [...started.fallbacks, ...problems] };
  } catch (error) {
    throw error instanceof DeviceError ? error : unusable(options.mode, error);
  }
}

/** Makes a DeviceError of what gpu.js, Dawn or a browser threw: the mode cannot be used. */
function unusable(mode: GpuMode, error: unknown): DeviceError {
  return new DeviceError(
    'gpuBackend',
    'unavailable',
    `mode ${mode} cannot be started: ${messageOf(error)}. Pass another mode.`,
    { cause: error },
  );
}

/** Makes an engine compute, and disposes of it if that fails; returns the forms of kernels that it lacks. */
async function tryOut(engine: Engine, options: StartOptions): Promise<string[]> {
  try {
    await probe(engine);
    return engine instanceof WebGpuEngine ? await chooseForms(engine, options) : [];
  } catch (error) {
    // A broken engine may also fail to end; the first error is the one to report.
    await engine.dispose().catch(() => undefined);
    throw error;
  }
}

async function openEngine(library: GpuJs, options: StartOptions): Promise<StartedEngine> {
  const { mode } = options;
  if (mode === 'webgpu') return openWebGpu(library, options);
  if (mode === 'webgl2') return { engine: openWebGl2(library), fallbacks: [] };
  const report = plainReport(mode, mode === 'webasm' ? 'WebAssembly' : 'JavaScript');
  return {
    engine: new HandleEngine(library, new library.GPU({ mode }), report),
    fallbacks: [],
  };
}

async function openWebGpu(library: GpuJs, options: StartOptions): Promise<StartedEngine> {
  if (options.executor === 'gpu.js') {
    return { engine: await QueuedEngine.open(library), fallbacks: [] };
  }
  // Opens an adapter first, since gpu.js translates only where WebGPU is available.
  const { device, report } = await openDevice();
  const missing = missingInternals(library);
  if (missing.length === 0) {
    return { engine: new WebGpuEngine(device, library, report), fallbacks: [] };
  }
  device.destroy();
  const reason = `this version of gpu.js has other internals than the backend's own executor needs (${missing.join('; ')})`;
  const wish = ownWish(options);
  if (wish !== null) {
    const problem = objection(wish, reason, 'Install gpu.js@2.24.1');
    throw new DeviceError('gpuBackend', 'unavailable', problem);
  }
  return {
    engine: await QueuedEngine.open(library),
    fallbacks: [
      `gpu.js runs the kernels itself, which is slower: ${reason}. Install gpu.js@2.24.1.`,
    ],
  };
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
  const limits = { maxTextureSize: Number(context.getParameter(context.MAX_TEXTURE_SIZE)) };
  return new HandleEngine(library, gpu, plainReport('webgl2', name, limits), context);
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
