import { expect, it, vi } from 'vitest';
import {
  controlOf,
  controlWords,
} from '../../../../packages/tensor/src/backends/wasm/host/control.ts';
import { startThread } from '../../../../packages/tensor/src/backends/wasm/host/platform.ts';
import { Threads } from '../../../../packages/tensor/src/backends/wasm/host/threads.ts';

it('threads start ahead of a run, once, and touch memory without changing it', async () => {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  const started = vi.fn(startThread);
  const threads = new Threads(memory, 2, { onLeftBehind: () => undefined, startThread: started });
  const numbers = new Int32Array(memory.buffer, 4096);
  numbers.forEach((_, i) => (numbers[i] = i));
  threads.makeReady(4096, memory.buffer.byteLength);
  expect(started).toHaveBeenCalledTimes(1);
  threads.run(threads.register([]), () => 0, vi.fn<() => void>());
  const control = controlOf(memory);
  await vi.waitFor(() => expect(control[controlWords(0).started]).not.toBe(0), 20_000);
  expect(started).toHaveBeenCalledTimes(1);
  expect(numbers).toEqual(Int32Array.from(numbers, (_, i) => i));
  threads.stop();
});
