// The worker of a room: it holds the engine and a service, and answers calls of the page.

import { setDefaultBackend, wasmBackend } from '@tessera/tensor';
import type { Call, Service, ToPage, ToWorker } from './engine/service.ts';
import { services } from './service-table.ts';

const backend = wasmBackend();
setDefaultBackend(backend);

/** The page names the worker after its service. */
const service: Promise<Service> = services[self.name]();
const calls = new Map<number, AbortController>();

function send(message: ToPage, transfer: readonly Transferable[] = []): void {
  postMessage(message, { transfer: [...transfer] });
}

async function answer({ id, method, input }: ToWorker & { kind: 'call' }): Promise<void> {
  const controller = new AbortController();
  calls.set(id, controller);
  const call: Call<unknown> = {
    signal: controller.signal,
    update: (value, transfer) => send({ kind: 'update', id, value }, transfer),
  };
  try {
    const value = await (await service)[method](input as never, call);
    send({ kind: 'result', id, value });
  } catch (error) {
    const { name, message } = error instanceof Error ? error : new Error(String(error));
    send({ kind: 'error', id, name, message });
  } finally {
    calls.delete(id);
  }
}

addEventListener('message', ({ data }: MessageEvent<ToWorker>) => {
  if (data.kind === 'cancel') calls.get(data.id)?.abort();
  else void answer(data);
});

addEventListener('unhandledrejection', ({ reason }) => {
  send({ kind: 'broken', message: reason instanceof Error ? reason.message : String(reason) });
});

send({
  kind: 'ready',
  facts: {
    threads: backend.threads,
    isIsolated: crossOriginIsolated,
    notice: backend.notice,
  },
});
