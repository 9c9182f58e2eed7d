// The program of a helper thread of the wasm backend: it waits for runs and takes part in them.

/**
 * The program of every thread of the wasm backend but the main one. Between runs it watches for the next
 * one for a millisecond and then waits for messages, which takes no time and keeps no process alive.
 *
 * Plain JavaScript, shipped as it stands: pages start their threads from this file, and Node starts them
 * from its text, which `npm run build` writes into `src/backends/wasm/host/thread-text.ts`.
 *
 * @typedef {import('../src/backends/wasm/host/control.ts').ThreadMessage} ThreadMessage
 * @typedef {import('../src/backends/wasm/host/control.ts').RunFunction} RunFunction
 */

/** Milliseconds that a thread sleeps at most before it looks again. */
const NAP = 1;

/**
 * Milliseconds that a thread watches for the next run before it waits for messages: waking one up takes
 * longer than many a run, and schedulers may wake it on the very core that the main thread is using.
 */
const WATCH = 1;

/** Runs in a row after which a thread reads its messages, however soon the next run comes. */
const MOST_RUNS = 1000;

/** How often a watching thread looks before it asks for the time. */
const LOOKS = 256;

/** What the modules of each program export, in order. @type {Map<number, readonly RunFunction[]>} */
const programs = new Map();

/** @type {Extract<ThreadMessage, { kind: 'start' }> | undefined} */
let self;

/** The last run that this thread took part in. */
let lastRun = 0;

/** @type {Pick<NodeJS.Process, 'getBuiltinModule'> | undefined} */
const node = globalThis.process;
const threads = node?.getBuiltinModule?.('node:worker_threads');
if (threads === undefined) {
  globalThis.addEventListener('message', (/** @type {MessageEvent<ThreadMessage>} */ { data }) =>
    receive(data),
  );
} else {
  threads.parentPort?.on('message', receive);
}

/**
 * Does what the main thread says.
 *
 * @param {ThreadMessage} message
 */
function receive(message) {
  if (message.kind === 'start') {
    self = message;
    Atomics.or(new Int32Array(self.memory.buffer), self.words.started, 1 << (self.thread % 32));
    return;
  }
  if (self === undefined) throw new Error('thread: a message came before the memory.');
  if (message.kind === 'forget') programs.delete(message.id);
  if (message.kind === 'program') {
    const imports = { env: { memory: self.memory, pause, host: pause } };
    const runs = message.modules.map((module) => {
      const { exports } = new WebAssembly.Instance(module, imports);
      return /** @type {RunFunction} */ (exports.run);
    });
    programs.set(message.id, runs);
  }
  takePart(self);
}

/**
 * Takes part in one run after the other, until none has come for a moment.
 *
 * @param {Extract<ThreadMessage, { kind: 'start' }>} start
 */
function takePart(start) {
  const { memory, words } = start;
  const control = new Int32Array(memory.buffer);
  for (let runs = 0; work(control, start) && runs < MOST_RUNS; runs++) {
    Atomics.add(control, words.watching, 1);
    watch(control, start);
    Atomics.sub(control, words.watching, 1);
  }
}

/**
 * Takes part in the run that there is, if there is a new one, and its program is known: that comes as a
 * message, which a thread that watches has not read yet.
 *
 * @param {Int32Array} control
 * @param {Extract<ThreadMessage, { kind: 'start' }>} start
 * @returns {boolean} Whether it did.
 */
function work(control, { thread, words }) {
  // From here on the main thread waits with the next run, so that all words belong to one run.
  Atomics.add(control, words.active, 1);
  try {
    const run = Atomics.load(control, words.run);
    const program = programs.get(Atomics.load(control, words.program));
    if (run === 0 || run === lastRun || program === undefined) return false;
    lastRun = run;
    const frame = Atomics.load(control, words.frame);
    for (const part of program) part(frame, thread, 1);
    return true;
  } catch (error) {
    Atomics.compareExchange(control, words.failed, 0, 1 + thread);
    throw error;
  } finally {
    Atomics.sub(control, words.active, 1);
    Atomics.notify(control, words.active);
  }
}

/**
 * Waits for a new run, busily and not for long.
 *
 * @param {Int32Array} control
 * @param {Extract<ThreadMessage, { kind: 'start' }>} start
 */
function watch(control, { words }) {
  const end = performance.now() + WATCH;
  do {
    for (let look = 0; look < LOOKS; look++) {
      const run = Atomics.load(control, words.run);
      if (run !== 0 && run !== lastRun) return;
    }
  } while (performance.now() < end);
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
  Atomics.wait(control, address >>> 2, value, NAP);
}
