// The success or failure of work on a device, known only later and inherited by what depends on it.

import type { DeviceError } from './errors.ts';

/**
 * The success or failure of work on a device, which is known only later. Memory keeps the outcome of the work
 * that its values depend on. So a failure surfaces at every read of these values, and not only once.
 */
export class Outcome {
  /** Resolves when the outcome is known; never rejects. */
  readonly known: Promise<void>;
  #conclude: () => void = () => undefined;
  #isKnown = false;
  /** Outcomes of other work that it waits for. */
  #causes: readonly Outcome[] = [];
  #failure: DeviceError | null = null;

  constructor() {
    this.known = new Promise((resolve) => {
      this.#conclude = resolve;
    });
  }

  /** Why the work failed; `null` if it succeeded or its end is not known yet. */
  get failure(): DeviceError | null {
    return this.#failure;
  }

  /** Whether the work is known to have succeeded. */
  get isFine(): boolean {
    return this.#isKnown && this.#failure === null;
  }

  /**
   * Waits for the work's own failure, `own`, and for all `causes`; any of these makes the work fail. A failed
   * cause comes first as the reason, since the work's own failure only followed from it.
   */
  async follow(
    own: Promise<DeviceError | null>,
    causes: readonly Outcome[] = [],
  ): Promise<DeviceError | null> {
    this.#causes = causes;
    const failure = await own;
    await Promise.all(causes.map(({ known }) => known));
    this.#failure = causes.find((cause) => cause.failure !== null)?.failure ?? failure;
    this.#isKnown = true;
    this.#causes = [];
    this.#conclude();
    return this.#failure;
  }

  /** The outcome of values that depend on all of these outcomes. */
  static all(outcomes: readonly Outcome[]): Outcome {
    // Work that is queued together mostly depends on the same outcomes, so one outcome serves for many.
    const open = outcomes.filter(
      (each, i) =>
        !each.isFine &&
        outcomes.indexOf(each) === i &&
        !outcomes.some((other) => other.#causes.includes(each)),
    );
    if (open.length === 1) return open[0];
    const all = new Outcome();
    void all.follow(Promise.resolve(null), open);
    return all;
  }
}
