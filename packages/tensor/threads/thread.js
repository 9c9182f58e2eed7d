/**
 * The program of every thread of the wasm backend but the main one. It waits for messages, so it takes
 * no time between runs and keeps no process alive.
 *
 * Plain JavaScript, shipped as it stands: a thread starts from a file, which must be the same for the
 * sources under a TypeScript loader, which threads do not inherit, and for the built package.
 *
 * @typedef {import('../src/backends/wasm/control.ts').ThreadMessage} ThreadMessage
 * @typedef {import('../src/backends/wasm/control.ts').RunFunction} RunFunction
 */

/** Milliseconds that a thread sleeps at most before it looks again. */
const NAP = 1;

/** @type {Map<number, RunFunction>} */
const programs = new Map();

/** @type {Extract<ThreadMessage, { kind: 'start' }> | undefined} */
let self;

const threads = globalThis.process?.getBuiltinModule?.('node:worker_threads');
if (threads === undefined) {
  globalThis.addEventListener('message', ({ data }) => receive(data));
} else {
  threads.parentPort?.on('message', receive);
}

/**
 * Does what the main thread says.
 *
 * @param {ThreadMessage} message
 */
function receive(message) {
  if (message.kind === 'start') self = message;
  else if (self === undefined) throw new Error('thread: a message came before the memory.');
  else if (message.kind === 'forget') programs.delete(message.id);
  else if (message.kind === 'run') takePart(message, self);
  else {
    const imports = { env: { memory: self.memory, pause } };
    const { exports } = new WebAssembly.Instance(message.module, imports);
    programs.set(message.id, /** @type {RunFunction} */ (exports.run));
  }
}

/**
 * Takes part in a run, unless it has ended meanwhile.
 *
 * @param {Extract<ThreadMessage, { kind: 'run' }>} message
 * @param {Extract<ThreadMessage, { kind: 'start' }>} start
 */
function takePart({ run, id, frame }, { memory, thread, words }) {
  const control = new Int32Array(memory.buffer);
  Atomics.add(control, words.active, 1);
  try {
    if (Atomics.load(control, words.run) === run) programs.get(id)?.(frame, thread, 1);
  } catch (error) {
    Atomics.store(control, words.failed, 1 + thread);
    throw error;
  } finally {
    Atomics.sub(control, words.active, 1);
    Atomics.notify(control, words.active);
  }
}

/**
 * Sleeps until a word is no longer `value`, or for a moment; gives up if another thread failed.
 *
 * @param {number} address
 * @param {number} value
 */
function pause(address, value) {
  if (self === undefined) return;
  const control = new Int32Array(self.memory.buffer);
  if (control[self.words.failed] !== 0) throw new Error('another thread failed.');
  Atomics.wait(control, address / 4, value, NAP);
}
