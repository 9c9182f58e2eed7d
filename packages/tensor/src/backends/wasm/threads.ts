import { StateError } from '../../errors.ts';
import { controlOf, controlWords, type ControlWords, type ThreadMessage } from './control.ts';
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
  private readonly patience: number;
  private handles: ThreadHandle[] | null = null;
  private generation = 0;
  private words: ControlWords = controlWords(0);
  private readonly releases: (() => void)[] = [];
  private nextProgram = 1;
  private lastRun = 0;
  /** Why a thread ended, if one did. */
  private loss: string | null = null;
  private progress = { address: 0, value: 0, since: 0 };

  constructor(memory: WebAssembly.Memory, count: number, patience: number = PATIENCE) {
    this.memory = memory;
    this.count = count;
    this.patience = patience;
    this.control = controlOf(memory);
  }

  /** Makes a program known to all threads; gives its number. */
  register(module: WebAssembly.Module): number {
    const id = this.nextProgram++;
    this.modules.set(id, module);
    this.post({ kind: 'program', id, module });
    return id;
  }

  /**
   * Forgets a program. Calls `release` when no thread can touch its frame any more: one that was late
   * may still find out that nothing is left to do.
   */
  forget(id: number, release: () => void): void {
    this.modules.delete(id);
    this.post({ kind: 'forget', id });
    this.releases.push(release);
    if (this.isQuiet()) this.releaseAll();
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
    Atomics.store(this.control, this.words.failed, 0);
    Atomics.store(this.control, this.words.program, id);
    Atomics.store(this.control, this.words.frame, frame);
    Atomics.store(this.control, this.words.run, this.lastRun);
    // A thread that stops to watch looks once more afterwards: it sees this run, or is counted out here.
    const areAllWatching = Atomics.load(this.control, this.words.watching) === this.count - 1;
    if (!areAllWatching) this.post({ kind: 'run' });
    this.progress = { address: 0, value: 0, since: performance.now() };
    try {
      main();
    } catch (error) {
      // Units that this thread has taken will never be done, so the others would wait for ever.
      this.stop();
      throw error;
    } finally {
      Atomics.store(this.control, this.words.run, 0);
    }
  }

  /** What the main thread does while it waits: sleeps for a moment, where it may, and watches for failures. */
  pause(address: number, value: number): void {
    const failed = Atomics.load(this.control, this.words.failed);
    if (failed !== 0) throw this.lost(`thread ${failed - 1} failed in the middle of a run`);
    const now = performance.now();
    const { progress } = this;
    if (progress.address !== address || progress.value !== value) {
      this.progress = { address, value, since: now };
    } else if (now - progress.since > this.patience) {
      throw this.lost(`a thread has not answered for ${this.patience / 1000} seconds`);
    }
    if (mayWait()) Atomics.wait(new Int32Array(this.memory.buffer), address >>> 2, value, NAP);
  }

  /** Ends all threads; the next run starts new ones. */
  stop(): void {
    if (this.handles === null) return;
    for (const handle of this.handles) handle.terminate();
    this.handles = null;
  }

  private start(): void {
    if (this.handles !== null) return;
    this.words = controlWords(this.generation++);
    this.control.fill(0, this.words.run, this.words.watching + 1);
    this.handles = Array.from({ length: this.count - 1 }, (_, i) => {
      const handle = startThread();
      handle.onEnd((reason) => {
        if (this.handles?.includes(handle) === true)
          this.loss ??= `thread ${i + 1} ended: ${reason}`;
      });
      handle.post({ kind: 'start', memory: this.memory, thread: i + 1, words: this.words });
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
    for (let spins = 0; !this.isQuiet(); spins++) {
      if (spins % 1000 !== 999) continue;
      if (performance.now() - since > this.patience) {
        throw this.lost(`a thread has not left a run for ${this.patience / 1000} seconds`);
      }
      if (mayWait()) Atomics.wait(this.control, this.words.active, 1, NAP);
    }
    this.releaseAll();
  }

  private isQuiet(): boolean {
    return this.handles === null || Atomics.load(this.control, this.words.active) === 0;
  }

  private releaseAll(): void {
    for (const release of this.releases.splice(0)) release();
  }
}
