/** Trains a small DiT on the two GPU modes of a browser, one after the other. */
import { gpuBackend, type DeviceReport } from '@tessera/tensor/gpu';
import { report } from '../../browser/program/report.ts';
import { trainSmallDiT, type TrainingRun } from '../dit-training.ts';

/** What the page says of a mode. */
export interface PageResult {
  readonly device: DeviceReport;
  readonly run: TrainingRun;
  /** How long it took. */
  readonly seconds: number;
}

/** As many as browser.test.ts has. */
const PAGE_STEPS = 3;

async function train(mode: 'webgl2' | 'webgpu'): Promise<PageResult> {
  const backend = await gpuBackend({ mode, products: 'blocked' });
  const start = performance.now();
  try {
    const run = await trainSmallDiT(backend, PAGE_STEPS);
    return { device: backend.device, run, seconds: (performance.now() - start) / 1000 };
  } finally {
    await backend.dispose();
  }
}

await report('webgl2', train('webgl2'));
await report('webgpu', train('webgpu'));
