/**
 * The two GPU modes of a browser, one after the other: the table of operations against the definitions,
 * then a few training steps of a small DiT.
 */
import { cpuBackend, setDefaultBackend } from '@tessera/tensor';
import { gpuBackend, type DeviceReport } from '@tessera/tensor/gpu';
import { report } from '../../browser/program/report.ts';
import { rows } from '../../ops/cases.ts';
import { checkConformance } from '../../ops/conformance.ts';
import { rowName } from '../../ops/row.ts';
import { trainSmallDiT, type TrainingRun } from '../dit-training.ts';

/** What the page says of a mode. */
export interface PageResult {
  readonly device: DeviceReport;
  readonly run: TrainingRun;
  /** The rows of the table that were computed, by name. */
  readonly checked: readonly string[];
  /** What was wrong, by the name of the row. */
  readonly wrong: Readonly<Record<string, string>>;
  /** How long the table and the training took. */
  readonly seconds: readonly number[];
}

/** As many as browser.test.ts has. */
const PAGE_STEPS = 3;

/** As in Node, see conformance.test.ts. */
const TOLERANCE = 1e-5;

async function visit(mode: 'webgl2' | 'webgpu'): Promise<PageResult> {
  const backend = await gpuBackend(mode === 'webgpu' ? { mode, products: 'blocked' } : { mode });
  try {
    const checked: string[] = [];
    const wrong: Record<string, string> = {};
    const start = performance.now();
    setDefaultBackend(cpuBackend());
    for (const row of rows) {
      const name = rowName(row);
      checked.push(name);
      try {
        await checkConformance(backend, row.cases, { tolerance: TOLERANCE, numRuns: 1 });
      } catch (error) {
        wrong[name] = error instanceof Error ? error.message : String(error);
      }
    }
    const middle = performance.now();
    const run = await trainSmallDiT(backend, PAGE_STEPS);
    const seconds = [middle - start, performance.now() - middle].map((ms) => ms / 1000);
    return { device: backend.device, run, checked, wrong, seconds };
  } finally {
    await backend.dispose();
  }
}

await report('webgl2', visit('webgl2'));
await report('webgpu', visit('webgpu'));
