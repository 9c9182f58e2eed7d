// What the room Inside the transformer holds while it is open: the run and the moments of a sample.

import { engineOf } from '../../engine/engine.svelte.ts';
import { LatestCall } from '../../engine/latest-call.svelte.ts';
import type { RunFacts } from '../../engine/run/run-facts.ts';
import type { Layout, Moment, Watched } from './transformer-messages.ts';
import type { transformerService } from './transformer-service.ts';

/** The state of the room beside its address. */
export class Session extends LatestCall {
  static override readonly name: string = 'Session';
  readonly engine = engineOf<typeof transformerService>('transformer');
  run: RunFacts | null = $state.raw(null);
  layout: Layout | null = $state.raw(null);
  /** The steps of the sample that have come. */
  moments: readonly Moment[] = $state.raw([]);

  /** Loads the run beside the page. */
  load(): Promise<void> {
    return this.attempt(async () => {
      const { run, layout } = await this.engine.call('load', { base: document.baseURI });
      this.layout = layout;
      this.run = run;
    });
  }

  /** Draws a digit, in place of the one that is being drawn. */
  watch(asked: Watched): Promise<void> {
    return this.replace(async (signal) => {
      let moments: readonly Moment[] = [];
      const onUpdate = (moment: Moment): void => {
        if (signal.aborted) return;
        moments = [...moments, moment];
        this.moments = moments;
      };
      await this.engine.call('sample', asked, { signal, onUpdate });
    });
  }
}
