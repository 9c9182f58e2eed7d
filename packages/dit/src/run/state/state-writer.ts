// Saves states of a run while it trains: tensors are read out, files are written beside the next steps.

import { writeFileAtomic } from '../atomic-file.ts';
import { problemOf } from '../file-error.ts';
import type { RunLock } from './run-lock.ts';
import { encodeState, type StatePlace } from './state-file.ts';
import { makeStateFolder, removeOldStates, statePath, type StateName } from './state-folder.ts';

/** A state that lies on the disk. */
export interface StateFile extends StateName {
  readonly path: string;
  readonly bytes: number;
}

/** Where and how states are saved. */
export interface WriterOptions {
  /** The folder of the run. */
  readonly run: string;
  readonly lock: RunLock;
  /** How many states stay. */
  readonly keep: number;
  /** Called when states cannot be saved, once until they can again. */
  readonly onNotice: (text: string) => void;
  /** Called when a state lies on the disk. */
  readonly onSave: (saved: StateName) => void;
}

/** Saves states, one after the other. A state that cannot be written costs the training nothing else. */
export class StateWriter {
  readonly #options: WriterOptions;
  #pending: Promise<void> = Promise.resolve();
  #fails = false;
  #last: StateFile | undefined;

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  /**
   * Reads out a state and begins to write it. When the promise resolves, the tensors may change. The state before
   * it lies on the disk by then.
   *
   * @throws StateError if another process has taken over the folder
   */
  async save(place: StatePlace, trees: Readonly<Record<string, unknown>>): Promise<void> {
    await this.#pending;
    await this.#options.lock.check();
    try {
      this.#pending = this.#write(place, await encodeState(place, trees));
    } catch (error) {
      this.#tell(error); // no memory for a copy, for example
    }
  }

  /** Waits until what was saved lies on the disk, and gives the last state that does. */
  async settle(): Promise<StateFile | undefined> {
    await this.#pending;
    return this.#last;
  }

  /** Removes all states but the last. */
  async keepLast(): Promise<StateFile | undefined> {
    const last = await this.settle();
    if (last !== undefined) await removeOldStates(this.#options.run, last, 1);
    return last;
  }

  async #write({ stage, step }: StateName, bytes: Uint8Array): Promise<void> {
    const { run, keep, onSave } = this.#options;
    const path = statePath(run, { stage, step });
    try {
      await makeStateFolder(run);
      await writeFileAtomic(path, bytes);
      this.#last = { stage, step, path, bytes: bytes.length };
      this.#fails = false;
      onSave({ stage, step });
      await removeOldStates(run, { stage, step }, keep);
    } catch (error) {
      this.#tell(error);
    }
  }

  /** Says what went wrong, unless the save before went wrong too. */
  #tell(error: unknown): void {
    const { onNotice } = this.#options;
    if (!this.#fails) {
      onNotice(`${problemOf(error)} The training goes on, and saves its state when it can.`);
    }
    this.#fails = true;
  }
}
