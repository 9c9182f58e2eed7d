// `npm run bench -- eager`: drops results in a loop, and fails if memory grows.

import { ones, setDefaultBackend, tensor, wasmBackend } from '@tessera/tensor';

const MIB = 2 ** 20;

/** The most that the WebAssembly memory may become: garbage is collected every 256 MiB. */
const MOST = 320;

/** Lines that are printed. */
const SAMPLES = 10;

/**
 * Makes results of 1 MiB each and drops them, and prints the memory at intervals.
 *
 * @returns Whether the WebAssembly memory stayed within {@link MOST} MiB.
 */
export function dropResults(results: number): boolean {
  const backend = wasmBackend();
  setDefaultBackend(backend);
  const x = tensor(new Float32Array(MIB / 4)).add(ones([MIB / 4]));
  const start = performance.now();
  console.log(`Node ${process.version}\nresults   resident       wasm  (MiB)`);
  for (let i = 1; i <= results; i++) {
    x.mul(i);
    if (i % Math.ceil(results / SAMPLES) !== 0) continue;
    const columns = [process.memoryUsage().rss, backend.memoryBytes()].map((bytes) =>
      (bytes / MIB).toFixed(0).padStart(11),
    );
    console.log([String(i).padStart(7), ...columns].join(''));
  }
  const milliseconds = performance.now() - start;
  console.log(`${(milliseconds / results).toFixed(3)} ms a result.`);
  return backend.memoryBytes() <= MOST * MIB;
}
