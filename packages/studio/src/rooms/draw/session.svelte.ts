// What the room Draw holds while it is open: the run, the drawing under way and its film so far.

import { engineOf } from '../../engine/engine.svelte.ts';
import type { RunFacts } from '../../engine/run/run-facts.ts';
import type { Arrived } from '../../engine/run/run-files.ts';
import type { drawService } from './draw-service.ts';
import type { Completion, Frame, NewDrawing, Path } from './draw-messages.ts';

/** What is asked of the service: one of its ways to draw. */
export type Request =
  | { readonly way: 'draw'; readonly input: NewDrawing }
  | { readonly way: 'complete'; readonly input: Completion }
  | { readonly way: 'path'; readonly input: Path };

/** A problem as the page shows it. */
export interface Problem {
  readonly name: string;
  readonly message: string;
}

/** The state of the room beside its address. */
export class Session {
  static readonly name: string = 'Session';
  readonly engine = engineOf<typeof drawService>('draw');
  run: RunFacts | null = $state.raw(null);
  arrived: Arrived | null = $state.raw(null);
  problem: Problem | null = $state.raw(null);
  /** The steps of the last drawing that have come. */
  frames: readonly Frame[] = $state.raw([]);
  /** Images of the last drawing. */
  count: number = $state(1);
  isBusy: boolean = $state(false);
  /** How long the last drawing took; `null` while it is under way. */
  milliseconds: number | null = $state(null);
  #current: AbortController | null = null;

  /** Loads the run beside the page. */
  async load(): Promise<void> {
    this.problem = null;
    try {
      const base = document.baseURI;
      const onUpdate = (arrived: Arrived): void => {
        this.arrived = arrived;
      };
      this.run = await this.engine.call('load', { base }, { onUpdate });
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Draws, in place of what is being drawn. */
  async ask({ way, input }: Request): Promise<void> {
    this.#current?.abort();
    const current = new AbortController();
    this.#current = current;
    this.isBusy = true;
    this.problem = null;
    let frames: readonly Frame[] = [];
    const onUpdate = (frame: Frame): void => {
      if (current.signal.aborted) return;
      frames = [...frames, frame];
      this.frames = frames;
      this.count = input.count;
      this.milliseconds = null;
    };
    const options = { signal: current.signal, onUpdate };
    try {
      const drawn =
        way === 'draw'
          ? await this.engine.call('draw', input, options)
          : way === 'complete'
            ? await this.engine.call('complete', input, options)
            : await this.engine.call('path', input, options);
      this.milliseconds = drawn.milliseconds;
    } catch (error) {
      if (!current.signal.aborted) this.#fail(error);
    } finally {
      if (this.#current === current) this.isBusy = false;
    }
  }

  /** Ends the drawing under way; its steps so far stay. */
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
