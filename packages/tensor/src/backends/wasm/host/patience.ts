// Decides how long to wait for a thread before it counts as lost.

/** The most milliseconds that one look can count. */
const LOOK = 50;

/**
 * How long a thread waits for others that may never answer.
 *
 * A thread that fails says so, and the threads that wait for it see it at their next look
 * (`ControlWords.failed`). The other case is a thread that its engine ended without a word, perhaps for
 * want of memory. A waiting thread cannot see that, because the news is an event, and events come only
 * after the wait. It can only go by silence, and it must not take a slow thread for a dead one. So it adds
 * up the time between looks, but at most a moment for each look: while the computer sleeps, or a debugger
 * or a scheduler holds the whole process, nobody looks and almost nothing adds up.
 */
export class Patience {
  /** Milliseconds. */
  limit: number;
  #silence = 0;
  #lastLook: number = performance.now();

  constructor(limit: number) {
    this.limit = limit;
  }

  /** Starts anew, because something has moved. */
  renew(): void {
    this.#silence = 0;
    this.#lastLook = performance.now();
  }

  /** Counts a look at which nothing had moved. The result tells whether it was one look too many. */
  isOver(): boolean {
    const now = performance.now();
    this.#silence += Math.min(LOOK, now - this.#lastLook);
    this.#lastLook = now;
    return this.#silence > this.limit;
  }
}
