// A page's `Worker` made of Node's threads, for libraries that look for one.

/**
 * A page's global `Worker` on Node's worker threads, for libraries that look for one before they use
 * threads.
 */

import { resolveObjectURL } from 'node:buffer';
import { Worker } from 'node:worker_threads';

/** What runs first in the thread: the globals of a page's worker. */
const PRELUDE = `
const { parentPort } = require('node:worker_threads');
globalThis.self = globalThis;
globalThis.postMessage = (message) => parentPort.postMessage(message);
parentPort.on('message', (data) => globalThis.onmessage({ data }));
`;

type Listener = (event: { readonly data: unknown }) => void;

/** A worker whose program is the text behind a blob URL. */
class PageWorker {
  onmessage: Listener | null = null;
  onerror: ((error: unknown) => void) | null = null;
  readonly #started: Promise<Worker>;

  constructor(url: string | URL) {
    this.#started = this.#start(String(url));
    this.#started.catch((error: unknown) => this.onerror?.(error));
  }

  postMessage(message: unknown): void {
    void this.#started.then((worker) => worker.postMessage(message, []));
  }

  terminate(): void {
    void this.#started.then((worker) => worker.terminate());
  }

  async #start(url: string): Promise<Worker> {
    const blob = resolveObjectURL(url);
    if (blob === undefined) throw new Error(`${url} is no blob of this process`);
    const worker = new Worker(PRELUDE + (await blob.text()), { eval: true });
    worker.on('message', (data: unknown) => this.onmessage?.({ data }));
    worker.on('error', (error: unknown) => this.onerror?.(error));
    return worker;
  }
}

/** Gives this process the globals from which a library concludes that it may use `threads` threads. */
export function installPageWorker(threads: number): void {
  Object.assign(globalThis, { Worker: PageWorker });
  Object.defineProperty(globalThis, 'navigator', {
    value: { hardwareConcurrency: threads },
    configurable: true,
  });
}
