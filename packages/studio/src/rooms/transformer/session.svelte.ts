// What the room Inside the transformer holds while it is open: the run and the moments of a sample.

import { engineOf } from '../../engine/engine.svelte.ts';
import type { RunFacts } from '../../engine/run/run-facts.ts';
import type { Layout, Moment, Watched } from './transformer-messages.ts';
import type { transformerService } from './transformer-service.ts';

/** The state of the room beside its address. */
export class Session {
  static readonly name: string = 'Session';
  readonly engine = engineOf<typeof transformerService>('transformer');
  run: RunFacts | null = $state.raw(null);
  layout: Layout | null = $state.raw(null);
  problem: { readonly name: string; readonly message: string } | null = $state.raw(null);
  /** The steps of the sample that have come. */
  moments: readonly Moment[] = $state.raw([]);
  isBusy: boolean = $state(false);
  #current: AbortController | null = null;

  /** Loads the run beside the page. */
  async load(): Promise<void> {
    this.problem = null;
    try {
      const { run, layout } = await this.engine.call('load', { base: document.baseURI });
      this.layout = layout;
      this.run = run;
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Draws a digit, in place of the one that is being drawn. */
  async watch(asked: Watched): Promise<void> {
    this.#current?.abort();
    const current = new AbortController();
    this.#current = current;
    this.isBusy = true;
    this.problem = null;
    let moments: readonly Moment[] = [];
    const onUpdate = (moment: Moment): void => {
      if (current.signal.aborted) return;
      moments = [...moments, moment];
      this.moments = moments;
    };
    try {
      await this.engine.call('sample', asked, { signal: current.signal, onUpdate });
    } catch (error) {
      if (!current.signal.aborted) this.#fail(error);
    } finally {
      if (this.#current === current) this.isBusy = false;
    }
  }

  /** Ends the sample under way; its steps so far stay. */
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
