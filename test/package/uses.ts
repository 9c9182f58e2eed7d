/**
 * A program that computes, compiles, differentiates and waits until its threads run, and prints what it
 * found out. It has no `await` outside of functions, so that bundlers can make it CommonJS.
 */
export const USES = `
import { compile, key, matmul, normal, setDefaultBackend, tensor, wasmBackend } from '@tessera/tensor';
import { grad } from '@tessera/autograd';

const workers = globalThis.process.getBuiltinModule('node:worker_threads');
const online = [];
workers.Worker = class extends workers.Worker {
  constructor(...args) {
    super(...args);
    online.push(new Promise((resolve) => this.once('online', resolve)));
  }
};

async function use() {
  const backend = wasmBackend({ threads: 2 });
  setDefaultBackend(backend);
  const x = normal(key(0), [300, 300]);
  const product = matmul(x, x).sum().itemSync();
  const { threads, notice } = backend;
  // Threads keep no process alive.
  const alive = setInterval(() => {}, 1000);
  await Promise.all(online);
  clearInterval(alive);
  const norm = compile((v) => v.square().sum().sqrt());
  return {
    threads,
    notice,
    started: online.length,
    isTrueLater: matmul(x, x).sum().itemSync() === product && backend.threads === threads,
    norm: await norm(tensor([3, 4])).item(),
    slope: await grad((v) => v.mul(v).mul(v).sum())(tensor([2])).toArray(),
  };
}

use().then((found) => console.log(JSON.stringify(found)));
`;

/** What {@link USES} prints where it has its threads. */
export const ON_THREADS: Readonly<Record<string, unknown>> = {
  threads: 2,
  notice: null,
  started: 1,
  isTrueLater: true,
  norm: 5,
  slope: [12],
};
