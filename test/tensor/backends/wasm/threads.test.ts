import { readFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  atomics,
  drop,
  i32,
} from '../../../../packages/tensor/src/backends/wasm/assembler/instructions.ts';
import { ModuleBuilder } from '../../../../packages/tensor/src/backends/wasm/assembler/module.ts';
import type {
  FunctionBuilder,
  FunctionReference,
} from '../../../../packages/tensor/src/backends/wasm/assembler/function.ts';
import {
  startBit,
  type ThreadMessage,
} from '../../../../packages/tensor/src/backends/wasm/host/control.ts';
import { startThread } from '../../../../packages/tensor/src/backends/wasm/host/platform.ts';
import { THREAD_TEXT } from '../../../../packages/tensor/src/backends/wasm/host/thread-text.ts';
import {
  Threads,
  type ThreadsOptions,
} from '../../../../packages/tensor/src/backends/wasm/host/threads.ts';

/** Where the programs below count, far from the words of the threads. */
const COUNTER = 4096;

let threads: Threads | undefined;

/** What comes when threads that were left behind have ended; nothing if none were. */
let leftBehind: Promise<unknown>[] = [];

afterEach(() => {
  threads?.stop();
  threads = undefined;
  leftBehind = [];
  vi.restoreAllMocks();
});

/** Threads on a memory of their own. */
function start(
  count: number,
  options: Partial<ThreadsOptions> = {},
): { memory: WebAssembly.Memory; counter: Int32Array } {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  threads = new Threads(memory, count, {
    onLeftBehind: (end) => leftBehind.push(end),
    ...options,
  });
  return { memory, counter: new Int32Array(memory.buffer, COUNTER, 1) };
}

/** A program whose `run(frame, thread, shared)` does this in every thread but the main one. */
function program(
  body: (f: FunctionBuilder, pause: FunctionReference) => void,
  imported = 'pause',
): WebAssembly.Module {
  const module = new ModuleBuilder({ shared: true, maximumPages: 1 });
  const pause = module.import(imported, { parameters: ['i32', 'i32'], result: null });
  const run = module.define({ parameters: ['i32', 'i32', 'i32'], result: null }, (f) => {
    body(f, pause);
  });
  module.export('run', run);
  return new WebAssembly.Module(module.encode());
}

const count = program((f) => {
  f.emit(drop(atomics.add(i32.const(COUNTER), i32.const(1))));
});
const trap = program((f) => {
  f.unreachable();
});
/** Adds to the counter when it is at least 10, for which it does not wait as a program would. */
const late = program((f) => {
  f.loop((again) => {
    f.branchIf(i32.lt_u(atomics.load(i32.const(COUNTER)), i32.const(10)), again);
  });
  f.emit(drop(atomics.add(i32.const(COUNTER), i32.const(1))));
});
/** Adds to the counter, and waits as a program does for what never comes. */
const waiting = program((f, pause) => {
  f.emit(drop(atomics.add(i32.const(COUNTER), i32.const(1))));
  f.loop((again) => {
    f.call(pause, i32.const(COUNTER), i32.const(1));
    f.branch(again);
  });
});
const endless = program((f) => {
  f.emit(drop(atomics.add(i32.const(COUNTER), i32.const(1))));
  f.loop((again) => {
    f.branch(again);
  });
});

/**
 * Runs a program; the main thread waits until the counter reaches `target`, however long the threads take
 * to start, and then does `main`.
 */
function runUntil(id: number, counter: Int32Array, target: number, main?: () => void): void {
  threads?.run(
    id,
    () => {
      counter[0] = 0;
      return 0;
    },
    () => {
      for (let now = 0; now !== target; now = Atomics.load(counter, 0)) {
        Atomics.wait(counter, 0, now, 1);
      }
      main?.();
    },
  );
}

/** Waits as a program does for what never comes. */
function waitForEver(): void {
  for (;;) threads?.pause(COUNTER, 1);
}

function idOf(module: WebAssembly.Module): number {
  return threads?.register([module]) ?? 0;
}

describe('threads', () => {
  it.each([2, 3, 4])('all take part in a run: %i', (number) => {
    const { counter } = start(number);
    const id = idOf(count);
    for (let i = 0; i < 50; i++) runUntil(id, counter, number - 1);
    expect(counter[0]).toBe(number - 1);
  });

  it('know programs from before they were started and from after', () => {
    const { counter } = start(2);
    const before = idOf(count);
    runUntil(before, counter, 1);
    const after = idOf(count);
    runUntil(after, counter, 1);
    runUntil(before, counter, 1);
    expect(after).not.toBe(before);
  });

  it('release the frame of a program that nobody uses any more, when it is quiet', () => {
    const { counter } = start(2);
    const id = idOf(count);
    const released = vi.fn<() => void>();
    runUntil(id, counter, 1);
    threads?.forget(id, released);
    runUntil(idOf(count), counter, 1);
    expect(released).toHaveBeenCalledTimes(1);
    threads?.stop();
    threads?.forget(id, released);
    expect(released).toHaveBeenCalledTimes(2);
  });

  it('that trap in the middle of a run are an error, and the next run works', () => {
    const { counter } = start(3);
    const bad = idOf(trap);
    const good = idOf(count);
    runUntil(good, counter, 2);
    expect(() => {
      runUntil(bad, counter, 0, waitForEver);
    }).toThrow(
      /^run: thread [12] failed in the middle of a run\. Its results are lost; the next run/,
    );
    for (let i = 0; i < 3; i++) runUntil(good, counter, 2);
    expect(counter[0]).toBe(2);
    expect(leftBehind).toHaveLength(0);
  });

  it('leave a run in the middle of which the main one throws, and the next run works', () => {
    const { counter } = start(3);
    const bad = idOf(waiting);
    const good = idOf(count);
    const released = vi.fn<() => void>();
    for (let i = 0; i < 3; i++) {
      expect(() => {
        runUntil(bad, counter, 2, () => {
          throw new RangeError('in the middle of a unit');
        });
      }).toThrow('in the middle of a unit');
      threads?.forget(good + 1 + i, released);
      expect(released).toHaveBeenCalledTimes(i + 1);
      runUntil(good, counter, 2);
    }
    expect(leftBehind).toHaveLength(0);
  });

  it('that do not answer are given up, and the next run works', async () => {
    const { counter } = start(2, { mostSilence: 300 });
    const bad = idOf(endless);
    const good = idOf(count);
    const before = performance.now();
    expect(() => {
      runUntil(bad, counter, 1, waitForEver);
    }).toThrowErrorMatchingInlineSnapshot(
      `[StateError: run: a thread has not answered for 0.3 seconds. Its results are lost; the next run starts new threads.]`,
    );
    expect(performance.now() - before).toBeGreaterThan(300);
    runUntil(good, counter, 1);
    expect(counter[0]).toBe(1);
    // It may go on writing until it has ended, of which those who own the memory hear.
    expect(leftBehind).toHaveLength(1);
    await Promise.all(leftBehind);
  });

  it('are not given up because the clock of a process that did not run went on', () => {
    const { counter } = start(2);
    let asleep = 0;
    const { now } = performance;
    vi.spyOn(performance, 'now').mockImplementation(() => asleep + now.call(performance));
    const main = (): void => {
      for (let looks = 0; Atomics.load(counter, 0) !== 11; looks++) {
        threads?.pause(COUNTER, 0);
        if (looks < 10) asleep += 3_600_000;
        if (looks === 10) Atomics.store(counter, 0, 10);
      }
    };
    expect(() => {
      runUntil(idOf(late), counter, 0, main);
    }).not.toThrow();
  });

  it('that stay in a run for which the main one did not wait are replaced before the next', () => {
    const { counter } = start(2, { mostSilence: 300 });
    const bad = idOf(endless);
    const good = idOf(count);
    runUntil(bad, counter, 1);
    runUntil(good, counter, 1);
    expect(counter[0]).toBe(1);
    expect(leftBehind).toHaveLength(1);
  });

  it('are waited for the longer, the longer a unit takes', () => {
    const { counter } = start(2, { mostSilence: 100 });
    const id = idOf(endless);
    const main = (): void => {
      while (Atomics.load(counter, 0) === 0);
      waitForEver();
    };
    expect(() => threads?.run(id, () => 0, main, 2)).toThrow('has not answered for 0.3 seconds');
  });

  it.each([1, 2])('that were ended before or between runs are replaced: %i of 3', async (ends) => {
    const handles: ReturnType<typeof startThread>[] = [];
    const { counter } = start(3, {
      startThread: () => {
        const handle = startThread();
        handles.push(handle);
        return handle;
      },
    });
    const good = idOf(count);
    for (let i = 0; i < 3; i++) {
      runUntil(good, counter, 2);
      expect(handles).toHaveLength(2 * (i + 1));
      await Promise.all(handles.slice(-ends).map((handle) => handle.terminate()));
    }
  });

  it('that were ended while the main one was busy are no error, though nobody can hear of it yet', () => {
    let handle: ReturnType<typeof startThread> | undefined;
    const { counter } = start(2, { startThread: () => (handle = startThread()) });
    const good = idOf(count);
    runUntil(good, counter, 1);
    void handle?.terminate();
    for (let i = 0; i < 20; i++) {
      const main = vi.fn<() => void>();
      threads?.run(good, () => 0, main);
      expect(main).toHaveBeenCalledTimes(1);
    }
  });

  it('that were ended in the middle of a run are given up soon, and the next run works', async () => {
    let handle: ReturnType<typeof startThread> | undefined;
    const { counter } = start(2, {
      mostSilence: 300,
      startThread: () => (handle = startThread()),
    });
    const bad = idOf(endless);
    const good = idOf(count);
    expect(() => {
      runUntil(bad, counter, 1, () => {
        void handle?.terminate();
        waitForEver();
      });
    }).toThrow('has not answered for 0.3 seconds');
    runUntil(good, counter, 1);
    await Promise.all(leftBehind);
    runUntil(good, counter, 1);
  });

  it('that end again and again are done without, which is said once', async () => {
    const warnings = vi.spyOn(console, 'warn').mockReturnValue();
    const { memory } = start(2, {
      startThread: () => {
        const listeners: ((reason: string) => void)[] = [];
        return {
          post: (message) => {
            const first = message as ThreadMessage;
            if (first.kind !== 'start') return;
            const bit = startBit(first.thread);
            Atomics.or(new Int32Array(memory.buffer), first.words.started, bit);
            setImmediate(() => {
              for (const listener of listeners) listener('it ended with exit code 1');
            });
          },
          onEnd: (callback) => listeners.push(callback),
          terminate: () => Promise.resolve(),
        };
      },
    });
    const id = idOf(count);
    const shared: boolean[] = [];
    for (let i = 0; i < 13; i++) {
      threads?.run(
        id,
        () => 0,
        (_frame, isShared) => shared.push(isShared),
      );
      await new Promise(setImmediate);
    }
    expect(shared.filter(Boolean)).toHaveLength(11);
    expect(threads?.notice).toMatchInlineSnapshot(
      `"wasmBackend: its threads end (it ended with exit code 1), so it computes on one."`,
    );
    expect(warnings).toHaveBeenCalledTimes(1);
  });

  it('that ended between runs are no matter once they were stopped', async () => {
    let ends = 0;
    const { counter } = start(2, {
      startThread: () => {
        const handle = startThread();
        handle.onEnd(() => ends++);
        return handle;
      },
    });
    const good = idOf(count);
    runUntil(good, counter, 1);
    const unlinked = idOf(program(() => undefined, 'nothing'));
    await vi.waitFor(() => {
      expect(ends).toBeGreaterThan(0);
    }, 30_000);
    threads?.forget(unlinked, () => undefined);
    threads?.stop();
    runUntil(good, counter, 1);
    expect(counter[0]).toBe(1);
  });

  it('are ended and started anew on demand', () => {
    const { counter } = start(2);
    const id = idOf(count);
    for (let i = 0; i < 3; i++) {
      runUntil(id, counter, 1);
      threads?.stop();
    }
    expect(counter[0]).toBe(1);
  });
});

describe('threads that cannot be started', () => {
  /** A thread of which the engine says later that it did not start, as of a missing file. */
  function stillborn(): ReturnType<typeof startThread> {
    return {
      post: () => undefined,
      onEnd: (callback) => {
        setImmediate(callback, 'its file did not load');
      },
      terminate: () => Promise.resolve(),
    };
  }

  /** Runs without waiting for anybody; gives how the main thread ran. */
  function runAlone(id: number): boolean | null {
    let shared: boolean | null = null;
    threads?.run(
      id,
      () => 0,
      (_frame, isShared) => (shared = isShared),
    );
    return shared;
  }

  it('because the engine forbids it are done without, which is said once', () => {
    const warnings = vi.spyOn(console, 'warn').mockReturnValue();
    const refuse = vi.fn<() => never>(() => {
      throw new Error('workers are forbidden here');
    });
    start(3, { startThread: refuse });
    const id = idOf(count);
    expect([threads?.count, threads?.notice]).toEqual([3, null]);
    expect([runAlone(id), runAlone(id), runAlone(idOf(count))]).toEqual([false, false, false]);
    expect(threads?.count).toBe(1);
    expect(threads?.notice).toMatchInlineSnapshot(
      `"wasmBackend: no threads can be started (workers are forbidden here), so it computes on one. A page runs them from the file threads/thread.js of @tessera/tensor, which its bundler must bring along and its content security policy allow (worker-src 'self'). Node needs a bundle that was made for Node."`,
    );
    expect(warnings.mock.calls).toEqual([[threads?.notice]]);
    expect(refuse).toHaveBeenCalledTimes(1);
    const released = vi.fn<() => void>();
    threads?.forget(id, released);
    expect(released).toHaveBeenCalledTimes(1);
  });

  it('because some are too many are done without, all of them', () => {
    const warnings = vi.spyOn(console, 'warn').mockReturnValue();
    let started = 0;
    start(3, {
      startThread: () => {
        if (++started > 1) throw new Error('that is one too many');
        return startThread();
      },
    });
    const id = idOf(count);
    expect([runAlone(id), runAlone(id)]).toEqual([false, false]);
    expect(threads?.notice).toContain('that is one too many');
    expect(warnings).toHaveBeenCalledTimes(1);
  });

  it('because their file is missing are done without as soon as that is known', async () => {
    const warnings = vi.spyOn(console, 'warn').mockReturnValue();
    start(3, { startThread: stillborn });
    const id = idOf(count);
    expect(runAlone(id)).toBe(true);
    await vi.waitFor(() => {
      expect(threads?.count).toBe(1);
    });
    expect(threads?.notice).toContain('(its file did not load)');
    expect([runAlone(id), runAlone(id)]).toEqual([false, false]);
    expect(warnings).toHaveBeenCalledTimes(1);
  });
});

describe('the program of a thread', () => {
  const file = new URL('../../../../packages/tensor/threads/thread.js', import.meta.url);

  it('is the file as it stands where it is text; npm run build writes that anew', () => {
    expect(THREAD_TEXT).toBe(readFileSync(file, 'utf8'));
  });

  it('refuses messages before it has a memory', async () => {
    const worker = new Worker(file);
    const error = await new Promise((resolve) => {
      worker.on('error', resolve);
      worker.postMessage({ kind: 'forget', id: 1 }, []);
    });
    expect(error).toMatchInlineSnapshot(`[Error: thread: a message came before the memory.]`);
  });
});
