import { dropResults } from './eager.ts';
import { report } from './report.ts';

/** The message of a worker that runs the same program. */
function runWorker(): Promise<unknown> {
  const worker = new Worker(new URL('./eager-worker.ts', import.meta.url), { type: 'module' });
  return new Promise((resolve, reject) => {
    worker.addEventListener('message', ({ data }) => resolve(data));
    worker.addEventListener('error', ({ message }) => reject(new Error(`worker: ${message}`)));
  });
}

await report('page', dropResults());
await report('worker', runWorker());
