import { setDefaultBackend, wasmBackend } from '@tessera/tensor';
import { trainDitSteps } from './dit-training.ts';
import { report } from './report.ts';

const backend = wasmBackend({ threads: 2 });
setDefaultBackend(backend);

/** Trains, waits until the backend knows that no threads will come, and trains again. */
async function trainAlone(): Promise<unknown> {
  const { losses: before } = await trainDitSteps();
  while (backend.notice === null) {
    await new Promise((resolve) => {
      setTimeout(resolve, 1);
    });
  }
  const { losses: after } = await trainDitSteps();
  const { threads, notice, relaxed } = backend;
  return { isIsolated: crossOriginIsolated, threads, notice, relaxed, before, after };
}

await report('page', trainAlone());
