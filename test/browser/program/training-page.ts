import { refusesEval } from './policy.ts';
import { report } from './report.ts';
import { train } from './training.ts';

/** The first message of a worker that runs the same program. */
function runWorker(): Promise<unknown> {
  const worker = new Worker(new URL('./training-worker.ts', import.meta.url), { type: 'module' });
  return new Promise((resolve, reject) => {
    worker.addEventListener('message', ({ data }) => resolve(data));
    worker.addEventListener('error', ({ message }) => reject(new Error(`worker: ${message}`)));
  });
}

await Promise.all([
  report('worker', runWorker()),
  report(
    'page',
    train().then((result) => ({ refusesEval: refusesEval(), result })),
  ),
]);
