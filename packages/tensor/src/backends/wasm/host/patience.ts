// Decides how long to wait for a thread before it counts as lost.

/** Milliseconds that one look counts at most. */
const LOOK = 50;

/**
 * How long a thread waits for others that may never answer.
 *
 * A thread that fails says so, and those that wait for it hear of it at their next look
 * (`ControlWords.failed`). What is left is a thread that its engine ended without a word, for want of
 * memory perhaps. Nobody who waits can see that: news of the end of a thread are events, which come when
 * the waiting is over. All there is to go by is silence, and a slow thread must not be taken for a dead
 * one. So time is counted from look to look, and of each no more than a moment: while the computer sleeps,
 * or a debugger or a scheduler holds the whole process, nobody looks and next to nothing adds up.
 */
export class Patience {
  /** Milliseconds. */
  limit: number;
  private silence = 0;
  private lastLook: number = performance.now();

  constructor(limit: number) {
    this.limit = limit;
  }

  /** Begins anew: something has moved. */
  renew(): void {
    this.silence = 0;
    this.lastLook = performance.now();
  }

  /** Counts one look, at which nothing had moved; whether it was one too many. */
  isOver(): boolean {
    const now = performance.now();
    this.silence += Math.min(LOOK, now - this.lastLook);
    this.lastLook = now;
    return this.silence > this.limit;
  }
}
