// What the room Draw holds while it is open: the run, the drawing under way and its film so far.

import { engineOf } from '../../engine/engine.svelte.ts';
import { LatestCall } from '../../engine/latest-call.svelte.ts';
import type { Device } from '../../engine/service.ts';
import type { RunFacts } from '../../engine/run/run-facts.ts';
import type { Arrived } from '../../engine/run/run-files.ts';
import type { drawService } from './draw-service.ts';
import type { Completion, Frame, NewDrawing, Path } from './draw-messages.ts';

/** What is asked of the service: one of its ways to draw. */
export type Request =
  | { readonly way: 'draw'; readonly input: NewDrawing }
  | { readonly way: 'complete'; readonly input: Completion }
  | { readonly way: 'path'; readonly input: Path };

/** The state of the room beside its address. */
export class Session extends LatestCall {
  static override readonly name: string = 'Session';
  readonly engine = engineOf<typeof drawService>('draw');
  run: RunFacts | null = $state.raw(null);
  arrived: Arrived | null = $state.raw(null);
  /** The steps of the last drawing that have come. */
  frames: readonly Frame[] = $state.raw([]);
  /** Images of the last drawing. */
  count: number = $state(1);
  /** How long the last drawing took; `null` while it is under way. */
  milliseconds: number | null = $state(null);

  /** Loads the run beside the page. */
  load(): Promise<void> {
    return this.attempt(async () => {
      const base = document.baseURI;
      const onUpdate = (arrived: Arrived): void => {
        this.arrived = arrived;
      };
      this.run = await this.engine.call('load', { base }, { onUpdate });
    });
  }

  /** Moves the engine to another device, and loads the run there. */
  moveTo(device: Device): void {
    this.stop();
    this.milliseconds = null;
    this.engine.moveTo(device);
    void this.load();
  }

  /** Draws, in place of what is being drawn. */
  ask({ way, input }: Request): Promise<void> {
    return this.replace(async (signal) => {
      let frames: readonly Frame[] = [];
      const onUpdate = (frame: Frame): void => {
        if (signal.aborted) return;
        frames = [...frames, frame];
        this.frames = frames;
        this.count = input.count;
        this.milliseconds = null;
      };
      const options = { signal, onUpdate };
      const drawn =
        way === 'draw'
          ? await this.engine.call('draw', input, options)
          : way === 'complete'
            ? await this.engine.call('complete', input, options)
            : await this.engine.call('path', input, options);
      this.milliseconds = drawn.milliseconds;
    });
  }
}
