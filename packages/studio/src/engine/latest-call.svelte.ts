// The last of a room's calls to its engine: a new one replaces the one before, and failures are kept.

/** A problem as the page shows it. */
export interface Problem {
  readonly name: string;
  readonly message: string;
}

/** What a room knows of its calls: whether one is under way, and what went wrong. */
export class LatestCall {
  static readonly name: string = 'LatestCall';
  problem: Problem | null = $state.raw(null);
  isBusy: boolean = $state(false);
  #current: AbortController | null = null;

  /** Does something that may fail, such as loading a run. */
  async attempt(work: () => Promise<void>): Promise<void> {
    this.problem = null;
    try {
      await work();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Does something in place of what is under way. What it replaces sees its signal aborted. */
  async replace(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    this.#current?.abort();
    const current = new AbortController();
    this.#current = current;
    this.isBusy = true;
    this.problem = null;
    try {
      await work(current.signal);
    } catch (error) {
      if (!current.signal.aborted) this.#fail(error);
    } finally {
      if (this.#current === current) this.isBusy = false;
    }
  }

  /** Ends what is under way; what has come of it stays. */
  stop(): void {
    this.#current?.abort();
    this.isBusy = false;
  }

  #fail(error: unknown): void {
    const { name, message } = error instanceof Error ? error : new Error(String(error));
    // The page shows by itself that the engine was lost.
    if (name !== 'EngineLost') this.problem = { name, message };
  }
}
