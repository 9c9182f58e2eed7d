/**
 * A small program that creates, computes, compiles for two threads and drops results in loops, in the main
 * thread and in a worker: prints what it found, as JSON.
 */
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import {
  compile,
  defaultBackend,
  key,
  matmul,
  normal,
  scalar,
  tensor,
  wasmBackend,
  type Tensor,
  type WasmBackend,
} from '@tessera/tensor';

/** Results of a loop, of {@link MEGABYTES} each: twice what WebAssembly reaches. */
const RESULTS = 512;
const MEGABYTES = 16;

/** The most MiB in use after each result of a loop. */
export type Peaks = Readonly<Record<'sync' | 'microtasks' | 'values', number>>;

/** What the program prints. */
export interface Findings {
  readonly main: Peaks;
  readonly worker: Peaks;
  /** Whether products use relaxed SIMD, and how many threads there are after they were used. */
  readonly relaxed: boolean;
  readonly threads: number;
}

/** Drops results, and waits in between if there is anything to wait for. */
async function drop(wait: ((backend: WasmBackend) => Promise<unknown>) | null): Promise<number> {
  const backend = wasmBackend({ threads: 1 });
  let peak = 0;
  for (let i = 0; i < RESULTS; i++) {
    backend.allocate('float32', MEGABYTES * 2 ** 18);
    peak = Math.max(peak, backend.usedBytes() / 2 ** 20);
    if (wait !== null) await wait(backend);
  }
  return peak;
}

async function dropInEachWay(): Promise<Peaks> {
  return {
    sync: await drop(null),
    microtasks: await drop(() => Promise.resolve()),
    values: await drop((backend) => backend.read(backend.allocate('float32', 1))),
  };
}

async function inWorker(): Promise<Peaks> {
  // In a worker of Node 20 nobody but tsx itself makes TypeScript run.
  const start = `import('tsx/esm/api').then(({ register }) => {
    register();
    return import('${import.meta.url}');
  })`;
  const worker = new Worker(start, { eval: true });
  return new Promise((resolve, reject) => {
    worker.on('message', resolve);
    worker.on('error', reject);
  });
}

if (isMainThread) {
  const x = normal(key(0), [300, 300]);
  const work = compile((a: Tensor, b: Tensor) => matmul(a, a.add(b)).sum());
  for (let i = 0; i < 3; i++) await work(x, scalar(i)).item();
  await tensor([1, 2]).add(1).toArray();
  const { relaxed, threads } = defaultBackend() as WasmBackend;
  const findings: Findings = {
    main: await dropInEachWay(),
    worker: await inWorker(),
    relaxed,
    threads,
  };
  process.stdout.write(`${JSON.stringify(findings)}\n`);
} else {
  parentPort?.postMessage(await dropInEachWay(), []);
}
