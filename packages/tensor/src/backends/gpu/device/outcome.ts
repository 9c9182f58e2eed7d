// The success or failure of work on a device, known only later and inherited by what depends on it.

import type { DeviceError } from './errors.ts';

/**
 * What becomes of work on a device, which says so later. Memory keeps the outcome of the work that its
 * values depend on, so that they are refused whenever they are read, and not only once.
 */
export class Outcome {
  /** Resolves when the outcome is known; never rejects. */
  readonly known: Promise<void>;
  #conclude: () => void = () => undefined;
  #isKnown = false;
  /** What it waits for besides its own work. */
  #causes: readonly Outcome[] = [];
  #failure: DeviceError | null = null;

  constructor() {
    this.known = new Promise((resolve) => {
      this.#conclude = resolve;
    });
  }

  /** Why the work gave nothing; `null` if it did, or as far as is known. */
  get failure(): DeviceError | null {
    return this.#failure;
  }

  /** Whether all is known to be well. */
  get isFine(): boolean {
    return this.#isKnown && this.#failure === null;
  }

  /**
   * The outcome of work whose own failure is told by `own`, and that fails with any of `causes` too:
   * the first of these that failed is the reason, since the work's own failure only followed.
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

  /** The outcome of values that depend on all of these. */
  static all(outcomes: readonly Outcome[]): Outcome {
    // Of what is queued together, most depends on the same things, so one outcome serves for many.
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
