// The worker's side of a service: it answers the calls of the page, and reports what broke it.

import type { Call, EngineFacts, Service, ToPage, ToWorker } from './service.ts';

/** Takes a lock for as long as this worker lives, and gives its name. A worker that is ended says nothing by itself. */
function holdLock(): Promise<string | null> {
  // Only secure contexts have locks.
  const locks = navigator.locks as LockManager | undefined;
  if (locks === undefined) return Promise.resolve(null);
  const name = `tessera-${crypto.randomUUID()}`;
  return new Promise((resolve) => {
    void locks.request(name, () => {
      resolve(name);
      return new Promise(() => {});
    });
  });
}

/** Whether the device of the engine is gone, and with it all tensors. */
function isDeviceLoss(error: unknown): boolean {
  return error instanceof Error && 'failure' in error && error.failure === 'lost';
}

/**
 * Answers the calls of the page from now on, and tells it that the worker is ready. A service that is still being loaded
 * answers once it is there.
 */
export function answerCalls(service: Promise<Service>, facts: Promise<EngineFacts>): void {
  const post = globalThis.postMessage.bind(globalThis);
  const calls = new Map<number, AbortController>();

  function send(message: ToPage, transfer: readonly Transferable[] = []): void {
    post(message, { transfer: [...transfer] });
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
      if (isDeviceLoss(error)) send({ kind: 'broken', message: `The GPU is gone. ${message}` });
      else send({ kind: 'error', id, name, message });
    } finally {
      calls.delete(id);
    }
  }

  addEventListener('message', ({ data }: MessageEvent<ToWorker>) => {
    if (data.kind === 'cancel') calls.get(data.id)?.abort();
    else void answer(data);
  });

  send({ kind: 'listens' });

  addEventListener('unhandledrejection', ({ reason }) => {
    send({ kind: 'broken', message: reason instanceof Error ? reason.message : String(reason) });
  });

  async function tellThatItIsReady(): Promise<void> {
    const [known, lock] = await Promise.all([facts, holdLock()]);
    send({ kind: 'ready', facts: known, lock });
  }

  // The listener above tells the page of a backend that does not start.
  void tellThatItIsReady();
}
