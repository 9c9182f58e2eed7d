// Starts the helper threads, gives them work, waits for them, and replaces those that were lost.

import { messageOf, StateError } from '../../../errors.ts';
import {
  controlOf,
  controlWords,
  startBit,
  type ControlWords,
  type ThreadMessage,
} from './control.ts';
import { Patience } from './patience.ts';
import { mayWait, startThread, warn, type ThreadHandle } from './platform.ts';

/** A run is given up after so many milliseconds of waiting ({@link Patience}) in which no unit is done. */
const MOST_SILENCE = 10_000;

/** The longest unit so many times is added to that: it may be slow where memory is swapped to a disk. */
const SLOWEST = 100;

/** Milliseconds of waiting in which threads should leave a run that failed or is done. */
const LEAVE = 2000;

/** After more lost threads than this the main one works alone: threads that end so often do not help. */
const MOST_LOSSES = 10;

/** The longest sleep of the main thread before it looks again, in milliseconds. */
const NAP = 1;

/** What the user can do where the file of the threads does not load. */
const FILE_HINT =
  ' A page runs them from the file threads/thread.js of @tessera/tensor, which its bundler must bring ' +
  "along and its content security policy allow (worker-src 'self'). Node needs a bundle that was made for Node.";

/** What {@link Threads} need from outside. */
export interface ThreadsOptions {
  /**
   * Is told of threads that did not leave a failed run. Until the promise resolves, they may still write to
   * what the run used.
   */
  readonly onLeftBehind: (end: Promise<unknown>) => void;
  /** Milliseconds of waiting after which a thread that finishes no unit is given up. Default ten seconds. */
  readonly mostSilence?: number;
  /** Starts a thread. Default {@link startThread}. */
  readonly startThread?: () => ThreadHandle;
}

/**
 * The helper threads of the main one. They start when they are first needed. A run needs none of them: the
 * others do the work of a thread that has not started yet or has ended. Where none can start, because a
 * page lacks their file or a policy forbids workers, the main thread works alone from then on.
 */
export class Threads {
  readonly #wanted: number;
  readonly #memory: WebAssembly.Memory;
  readonly #control: Int32Array;
  readonly #programs = new Map<number, readonly WebAssembly.Module[]>();
  readonly #mostSilence: number;
  readonly #patience: Patience;
  readonly #options: ThreadsOptions;
  #handles: ThreadHandle[] | null = null;
  /** The handles whose thread has ended. */
  readonly #ended = new Set<ThreadHandle>();
  #losses = 0;
  #generation = 0;
  #words: ControlWords = controlWords(0);
  readonly #releases: (() => void)[] = [];
  #nextProgram = 1;
  #lastRun = 0;
  #refusal: string | null = null;
  /** What the main thread waits for. */
  #awaited = { address: 0, value: 0 };

  /**
   * @param memory The memory of all threads.
   * @param count How many there shall be, the main one included.
   */
  constructor(memory: WebAssembly.Memory, count: number, options: ThreadsOptions) {
    this.#memory = memory;
    this.#wanted = count;
    this.#options = options;
    this.#mostSilence = options.mostSilence ?? MOST_SILENCE;
    this.#patience = new Patience(this.#mostSilence);
    this.#control = controlOf(memory);
  }

  /** How many threads work together, the main one included. */
  get count(): number {
    return this.#refusal === null ? this.#wanted : 1;
  }

  /** Why the main thread works alone although more threads were wanted; `null` if it does not. */
  get notice(): string | null {
    return this.#refusal;
  }

  /** Makes a program known to all threads. The result is its number. */
  register(modules: readonly WebAssembly.Module[]): number {
    const id = this.#nextProgram++;
    if (this.#refusal !== null) return id;
    this.#programs.set(id, modules);
    this.#post({ kind: 'program', id, modules });
    return id;
  }

  /**
   * Forgets a program. Calls `release` when no thread can touch its frame any more: until then, a late
   * thread may still find out that nothing is left to do.
   */
  forget(id: number, release: () => void): void {
    this.#programs.delete(id);
    this.#post({ kind: 'forget', id });
    this.#releases.push(release);
    if (this.#isQuiet()) this.#releaseAll();
  }

  /**
   * Runs `main` here and program `id` in the other threads, at the same time. `prepare` writes the frame
   * once no thread is in an earlier run, and gives its address. `main` gets that address, and whether there
   * are other threads. Threads that have ended since the last run are replaced first.
   *
   * @param longest Estimated milliseconds of the longest unit.
   * @throws StateError if a thread failed or does not answer in the middle of the run.
   */
  run(
    id: number,
    prepare: () => number,
    main: (frame: number, isShared: boolean) => void,
    longest = 0,
  ): void {
    if (!this.#quiesce()) {
      main(prepare(), false);
      return;
    }
    this.#patience.limit = this.#mostSilence + SLOWEST * longest;
    const frame = prepare();
    this.#lastRun = (this.#lastRun % 0x7fff_ffff) + 1;
    Atomics.store(this.#control, this.#words.failed, 0);
    Atomics.store(this.#control, this.#words.program, id);
    Atomics.store(this.#control, this.#words.frame, frame);
    Atomics.store(this.#control, this.#words.run, this.#lastRun);
    // A thread that stops watching looks once more: it sees this run, or is counted out here.
    const areAllWatching = Atomics.load(this.#control, this.#words.watching) === this.#wanted - 1;
    if (!areAllWatching) this.#post({ kind: 'run' });
    this.#awaited = { address: 0, value: 0 };
    try {
      main(frame, true);
    } catch (error) {
      // The units that this thread has taken will never be done, so the others would wait for ever.
      this.stop();
      throw error;
    } finally {
      Atomics.store(this.#control, this.#words.run, 0);
    }
  }

  /**
   * What the main thread does while it waits: it sleeps for a moment, where it may, and looks for failures.
   */
  pause(address: number, value: number): void {
    const failed = Atomics.load(this.#control, this.#words.failed);
    if (failed !== 0) throw this.#lost(`thread ${failed - 1} failed in the middle of a run`);
    const [awaited, patience] = [this.#awaited, this.#patience];
    if (awaited.address !== address || awaited.value !== value) {
      this.#awaited = { address, value };
      patience.renew();
    } else if (patience.isOver()) {
      throw this.#lost(`a thread has not answered for ${patience.limit / 1000} seconds`);
    }
    if (mayWait()) Atomics.wait(new Int32Array(this.#memory.buffer), address >>> 2, value, NAP);
  }

  /**
   * Ends all threads; the next run starts new ones. Threads in a run are first asked to leave it, which
   * they do at their next wait. A thread that is ended by force may go on for a while.
   */
  stop(): void {
    const [handles, words, ended] = [this.#handles, this.#words, this.#ended];
    if (handles === null) return;
    Atomics.store(this.#control, words.run, 0);
    Atomics.compareExchange(this.#control, words.failed, 0, 1);
    const haveLeft = ended.size === handles.length || this.#waitUntilQuiet();
    this.#handles = null;
    ended.clear();
    const end = Promise.all(handles.map((handle) => handle.terminate()));
    if (!haveLeft) this.#options.onLeftBehind(end);
    this.#releaseAll();
  }

  /** Starts threads if there are none. The result tells whether there are threads now. */
  #start(): boolean {
    if (this.#handles !== null) return true;
    if (this.#refusal !== null) return false;
    this.#words = controlWords(this.#generation++);
    this.#control.fill(0, this.#words.run, this.#words.started + 1);
    const handles: ThreadHandle[] = [];
    this.#handles = handles;
    try {
      for (let thread = 1; thread < this.#wanted; thread++) this.#startOne(thread, handles);
    } catch (error) {
      this.#workAlone(`no threads can be started (${messageOf(error)})`, FILE_HINT);
      return false;
    }
    return true;
  }

  /** Starts a thread and adds its handle to the others. */
  #startOne(thread: number, handles: ThreadHandle[]): void {
    const handle = (this.#options.startThread ?? startThread)();
    handles.push(handle);
    handle.onEnd((reason) => {
      if (this.#handles?.includes(handle) !== true || this.#ended.has(handle)) return;
      this.#ended.add(handle);
      // If no thread could load its file, the next one will not either.
      const started = Atomics.load(this.#control, this.#words.started);
      const hasStarted = (started & startBit(thread)) !== 0;
      if (!hasStarted) this.#workAlone(`no threads can be started (${reason})`, FILE_HINT);
      else if (++this.#losses > MOST_LOSSES) this.#workAlone(`its threads end (${reason})`);
    });
    handle.post({ kind: 'start', memory: this.#memory, thread, words: this.#words });
    for (const [id, modules] of this.#programs) handle.post({ kind: 'program', id, modules });
  }

  /** Works without other threads from now on, and says so once. */
  #workAlone(reason: string, hint = ''): void {
    this.stop();
    this.#programs.clear();
    this.#refusal = `wasmBackend: ${reason}, so it computes on one.${hint}`;
    warn(this.#refusal);
  }

  #post(message: ThreadMessage): void {
    for (const handle of this.#handles ?? []) handle.post(message);
  }

  /** The error for a lost thread. It ends all other threads, so that the next run starts anew. */
  #lost(reason: string): StateError {
    this.stop();
    return new StateError(
      'run',
      `${reason}. Its results are lost; the next run starts new threads.`,
    );
  }

  /**
   * Makes sure that there are threads and that none is in an earlier run. The result tells whether there
   * are threads. They leave soon, since all work of that run is done. If one has ended or does not leave,
   * all are replaced; nothing is lost with them.
   */
  #quiesce(): boolean {
    if (this.#ended.size > 0) this.stop();
    if (!this.#start()) return false;
    if (this.#waitUntilQuiet()) {
      this.#releaseAll();
      return true;
    }
    this.stop();
    return this.#start();
  }

  /** Whether all threads leave their run soon. */
  #waitUntilQuiet(): boolean {
    if (this.#isQuiet()) return true;
    const patience = new Patience(Math.min(LEAVE, this.#mostSilence));
    for (let spins = 0; !this.#isQuiet(); spins++) {
      if (spins % 1000 !== 999) continue;
      if (patience.isOver()) return false;
      if (mayWait()) Atomics.wait(this.#control, this.#words.active, 1, NAP);
    }
    return true;
  }

  #isQuiet(): boolean {
    return this.#handles === null || Atomics.load(this.#control, this.#words.active) === 0;
  }

  #releaseAll(): void {
    for (const release of this.#releases.splice(0)) release();
  }
}
