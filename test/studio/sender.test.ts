/** Messages to a worker wait until it listens. */
import { expect, it } from 'vitest';
import { senderTo } from '../../packages/studio/src/engine/sender.ts';

/** A worker that notes what arrives. */
class NotingWorker extends EventTarget {
  readonly arrived: unknown[] = [];

  postMessage(message: unknown): void {
    this.arrived.push(message);
  }
}

it('messages wait for the first one of the worker, and then arrive in their order, once', () => {
  const worker = new NotingWorker();
  const send = senderTo(worker as unknown as Worker);
  const [first, second, third] = [{ id: 0 }, { id: 1 }, { id: 2 }];
  send(first);
  send(second);
  expect(worker.arrived).toEqual([]);
  worker.dispatchEvent(new Event('message'));
  expect(worker.arrived).toEqual([first, second]);
  send(third);
  worker.dispatchEvent(new Event('message'));
  expect(worker.arrived).toEqual([first, second, third]);
});
