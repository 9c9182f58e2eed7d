// Keeps the promises that are under way, so that one can wait for all of them.

/** Promises that are under way. */
export class Pending {
  private readonly promises = new Set<Promise<unknown>>();

  /** Adds one, until it is over; how it ends is told to whoever else awaits it. */
  add(promise: Promise<unknown>): void {
    const over = promise
      .catch(() => undefined)
      .finally(() => {
        this.promises.delete(over);
      });
    this.promises.add(over);
  }

  /** Waits until those that are there now are over; never rejects. */
  async settled(): Promise<void> {
    await Promise.all(this.promises);
  }
}
