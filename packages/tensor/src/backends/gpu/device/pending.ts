// Keeps the promises that are still pending, so that one can wait for all of them.

/** Promises that are still pending. */
export class Pending {
  readonly #promises = new Set<Promise<unknown>>();

  /** Adds a promise until it settles. Its result or error goes only to others who await it. */
  add(promise: Promise<unknown>): void {
    const over = promise
      .catch(() => undefined)
      .finally(() => {
        this.#promises.delete(over);
      });
    this.#promises.add(over);
  }

  /** Waits until all present promises have settled; never rejects. */
  async settled(): Promise<void> {
    await Promise.all(this.#promises);
  }
}
