/**
 * The program of every thread but the main one. It waits for messages, so it takes no time between
 * runs and keeps no process alive.
 */
import {
  CONTROL,
  controlOf,
  instantiate,
  type RunFunction,
  type ThreadMessage,
} from './control.ts';

/** Milliseconds that a thread sleeps at most before it looks again. */
const NAP = 1;

interface Port {
  addEventListener(
    type: 'message',
    listener: (event: { readonly data: ThreadMessage }) => void,
  ): void;
  start?(): void;
}

interface NodeProcess {
  getBuiltinModule?(name: 'node:worker_threads'): { readonly parentPort: Port | null };
}

const { process: node } = globalThis as { readonly process?: NodeProcess };
const port: Port =
  node?.getBuiltinModule?.('node:worker_threads').parentPort ?? (globalThis as unknown as Port);

const programs = new Map<number, RunFunction>();
let self: { readonly memory: WebAssembly.Memory; readonly thread: number } | undefined;

port.addEventListener('message', ({ data }) => {
  receive(data);
});
port.start?.();

function receive(message: ThreadMessage): void {
  if (message.kind === 'start') {
    self = message;
    return;
  }
  if (self === undefined) throw new Error('thread: a message came before the memory.');
  if (message.kind === 'forget') programs.delete(message.id);
  else if (message.kind === 'program') {
    programs.set(message.id, instantiate(message.module, self.memory, pause));
  } else takePart(message, self);
}

/** Takes part in a run, unless it has ended meanwhile. */
function takePart(
  { run, id, frame }: ThreadMessage & { readonly kind: 'run' },
  { memory, thread }: { readonly memory: WebAssembly.Memory; readonly thread: number },
): void {
  const control = controlOf(memory);
  Atomics.add(control, CONTROL.active, 1);
  try {
    if (Atomics.load(control, CONTROL.run) === run) programs.get(id)?.(frame, thread, 1);
  } catch (error) {
    Atomics.store(control, CONTROL.failed, 1 + thread);
    throw error;
  } finally {
    Atomics.sub(control, CONTROL.active, 1);
    Atomics.notify(control, CONTROL.active);
  }
}

/** Sleeps until the word at `address` is no longer `value`, or for a moment; gives up if another thread failed. */
function pause(address: number, value: number): void {
  if (self === undefined) return;
  const words = new Int32Array(self.memory.buffer);
  if (words[CONTROL.failed] !== 0) throw new Error('another thread failed.');
  Atomics.wait(words, address / 4, value, NAP);
}
