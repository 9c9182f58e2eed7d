// Sends messages to a worker, once it listens.

/**
 * A function that sends messages to a new worker. It keeps them until the worker has sent one itself, as it does when it
 * listens: what arrives while its modules are still being loaded may be lost, and its answer would be waited for without end.
 */
export function senderTo(worker: Worker): (message: object) => void {
  let unsent: object[] | null = [];
  const send = (message: object): void => worker.postMessage(message, {});
  const flush = (): void => {
    unsent?.forEach(send);
    unsent = null;
  };
  worker.addEventListener('message', flush, { once: true });
  return (message) => {
    if (unsent === null) send(message);
    else unsent.push(message);
  };
}
