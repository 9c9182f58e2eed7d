import { StateError } from '../../errors.ts';
import { CONTROL, controlOf, type ThreadMessage } from './control.ts';
import { mayWait, startThread, type ThreadHandle } from './platform.ts';

/** Milliseconds without any progress after which a run is given up. */
const PATIENCE = 30_000;

/** Milliseconds that the main thread sleeps at most before it looks again. */
const NAP = 1;

/**
 * The threads that help the main one with its runs, started when they are first needed. A run needs
 * none of them: one that has not started yet, or ended, is missed by nobody.
 */
export class Threads {
  /** How many there are, the main one included. */
  readonly count: number;
  private readonly memory: WebAssembly.Memory;
  private readonly control: Int32Array;
  private readonly modules = new Map<number, WebAssembly.Module>();
  private handles: ThreadHandle[] | null = null;
  private nextProgram = 1;
  private lastRun = 0;
  /** Why a thread ended, if one did. */
  private loss: string | null = null;
  private progress = { address: 0, value: 0, since: 0 };

  constructor(memory: WebAssembly.Memory, count: number) {
    this.memory = memory;
    this.count = count;
    this.control = controlOf(memory);
  }

  /** Makes a program known to all threads; gives its number. */
  register(module: WebAssembly.Module): number {
    const id = this.nextProgram++;
    this.modules.set(id, module);
    this.post({ kind: 'program', id, module });
    return id;
  }

  forget(id: number): void {
    this.modules.delete(id);
    this.post({ kind: 'forget', id });
  }

  /**
   * Runs `main` here, and program `id` in the other threads at the same time. `prepare` writes the
   * frame when no thread is in an earlier run any more.
   *
   * @throws StateError if a thread ended, failed, or does not answer.
   */
  run(id: number, frame: number, prepare: () => void, main: () => void): void {
    this.start();
    this.reportLoss();
    this.quiesce();
    prepare();
    this.lastRun = (this.lastRun % 0x7fff_ffff) + 1;
    Atomics.store(this.control, CONTROL.failed, 0);
    Atomics.store(this.control, CONTROL.run, this.lastRun);
    this.post({ kind: 'run', run: this.lastRun, id, frame });
    this.progress = { address: 0, value: 0, since: performance.now() };
    try {
      main();
    } finally {
      Atomics.store(this.control, CONTROL.run, 0);
    }
  }

  /** What the main thread does while it waits: sleeps for a moment, where it may, and watches for failures. */
  pause(address: number, value: number): void {
    const failed = Atomics.load(this.control, CONTROL.failed);
    if (failed !== 0) throw this.lost(`thread ${failed - 1} failed in the middle of a run`);
    const now = performance.now();
    const { progress } = this;
    if (progress.address !== address || progress.value !== value) {
      this.progress = { address, value, since: now };
    } else if (now - progress.since > PATIENCE) {
      throw this.lost(`a thread has not answered for ${PATIENCE / 1000} seconds`);
    }
    if (mayWait()) Atomics.wait(new Int32Array(this.memory.buffer), address / 4, value, NAP);
  }

  /** Ends all threads; the next run starts new ones. */
  stop(): void {
    if (this.handles === null) return;
    for (const handle of this.handles) handle.terminate();
    this.handles = null;
    Atomics.store(this.control, CONTROL.active, 0);
  }

  private start(): void {
    if (this.handles !== null) return;
    this.handles = Array.from({ length: this.count - 1 }, (_, i) => {
      const handle = startThread();
      handle.onEnd((reason) => {
        if (this.handles?.includes(handle) === true)
          this.loss ??= `thread ${i + 1} ended: ${reason}`;
      });
      handle.post({ kind: 'start', memory: this.memory, thread: i + 1, words: CONTROL });
      for (const [id, module] of this.modules) handle.post({ kind: 'program', id, module });
      return handle;
    });
  }

  private post(message: ThreadMessage): void {
    for (const handle of this.handles ?? []) handle.post(message);
  }

  private reportLoss(): void {
    if (this.loss !== null) throw this.lost(this.loss);
  }

  /** The error of a lost thread. All others are ended, so that the next run begins anew. */
  private lost(reason: string): StateError {
    this.loss = null;
    this.stop();
    return new StateError(
      'run',
      `${reason}. Its results are lost; the next run starts new threads.`,
    );
  }

  /** Waits until no thread is in an earlier run. They leave soon: all work of that run is done. */
  private quiesce(): void {
    const since = performance.now();
    for (let spins = 0; Atomics.load(this.control, CONTROL.active) !== 0; spins++) {
      if (spins % 1000 !== 999) continue;
      if (performance.now() - since > PATIENCE) {
        throw this.lost(`a thread has not left a run for ${PATIENCE / 1000} seconds`);
      }
      if (mayWait()) Atomics.wait(this.control, CONTROL.active, 1, NAP);
    }
  }
}
