// The arithmetic peak of WebAssembly: the same loop in each of some threads.

import { once } from 'node:events';
import { setFlagsFromString } from 'node:v8';
import { Worker } from 'node:worker_threads';
import { CannotError, type OpenContender } from './contender.ts';
import { peakModule } from './wasm-peak-module.ts';

/** Opens the loops in as many worker threads as asked for. */
export const openWasmPeak: OpenContender = ({ threads }) =>
  Promise.resolve({
    versions: { v8: process.versions.v8 },
    prepare: (work) => {
      if (work.kind !== 'peak') throw new CannotError('it has the peak loops alone');
      setFlagsFromString('--experimental-wasm-relaxed-simd');
      if (!WebAssembly.validate(peakModule(work.instruction))) {
        throw new CannotError(`this engine does not know ${work.instruction}`);
      }
      const workers = Array.from(
        { length: threads },
        () =>
          new Worker(new URL('./wasm-peak-worker.js', import.meta.url), {
            workerData: work.instruction,
          }),
      );
      return {
        run: () => {
          const done = Promise.all(workers.map((worker) => once(worker, 'message')));
          for (const worker of workers) worker.postMessage('run', []);
          return done;
        },
        check: () => [],
      };
    },
  });
