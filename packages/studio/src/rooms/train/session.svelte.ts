// What the room Train holds while the page is open: the trainings with their points and samples.

import { engineOf } from '../../engine/engine.svelte.ts';
import type { Device } from '../../engine/service.ts';
import type { IdxFiles } from './lesson.ts';
import type {
  DataFacts,
  Point,
  Report,
  Saving,
  TrainingFacts,
  TrainSettings,
} from './train-messages.ts';
import type { trainService } from './train-service.ts';

/** A training as it is shown. */
export interface Runner extends TrainingFacts {
  readonly imagesPerSecond: number | null;
  readonly samples: Uint8ClampedArray | null;
}

/** The state of the room beside its address. It lives on while other rooms are open, and so do the trainings. */
class Session {
  readonly engine = engineOf<typeof trainService>('train');
  data: DataFacts | null = $state.raw(null);
  runners: readonly Runner[] = $state.raw([]);
  problem: string | null = $state(null);
  isPlaying: boolean = $state(false);
  /** Whether the engine holds the trainings that are shown, and not others or none yet. */
  isReady: boolean = $state(false);
  /** Why the trainings are not kept in the files of the page; `null` while they are. */
  unsaved: string | null = $state(null);
  /** The trainings that are there, as text; a change of settings makes others. */
  #plan = '';
  #played: Promise<void> = Promise.resolve();
  /** The digits that were dropped in: each engine that is started gets them. */
  #dropped: IdxFiles | null = null;

  /** Loads the digits, those that are dropped in or the last ones, unless they are there. */
  async open(dropped: IdxFiles | null = null): Promise<void> {
    if (this.data !== null && dropped === null) return;
    await this.#attempt(async () => {
      await this.#pause();
      const files = dropped ?? this.#dropped;
      this.data = await this.engine.call('open', { base: document.baseURI, files });
      this.#dropped = files;
      this.#plan = '';
    });
  }

  /** Makes the trainings of a plan, unless they are there; those that were saved go on. */
  async prepare(plan: readonly TrainSettings[]): Promise<void> {
    if (JSON.stringify(plan) !== this.#plan) await this.#start(plan, true);
  }

  /** Makes the trainings of a plan anew, and forgets what was saved. */
  reset(plan: readonly TrainSettings[]): Promise<void> {
    return this.#start(plan, false);
  }

  /** Trains until `pause`, or for some steps. */
  play(steps: number | null): void {
    if (this.isPlaying) return;
    this.isPlaying = true;
    this.#played = this.#attempt(async () => {
      try {
        const onUpdate = (news: Report | Saving): void => {
          if ('failure' in news) this.unsaved = news.failure;
          else this.#take(news);
        };
        await this.engine.call('play', { steps }, { onUpdate });
      } finally {
        this.isPlaying = false;
      }
    });
  }

  pause(): void {
    void this.#attempt(() => this.#pause());
  }

  /** The engine was started again: what it held is loaded anew, and trainings go on from where they were saved. */
  restarted(): void {
    this.data = null;
    this.isReady = false;
    this.#plan = '';
    void this.open();
  }

  /** Moves the engine to another device, where trainings go on from where they are. */
  async moveTo(device: Device): Promise<void> {
    await this.#attempt(() => this.#pause());
    this.engine.moveTo(device);
    this.restarted();
  }

  async #pause(): Promise<void> {
    if (!this.isPlaying) return;
    await this.engine.call('pause', {});
    await this.#played;
  }

  async #start(plan: readonly TrainSettings[], resumes: boolean): Promise<void> {
    this.#plan = JSON.stringify(plan);
    this.isReady = false;
    await this.#attempt(async () => {
      await this.#pause();
      const facts = await this.engine.call('start', { plan, resumes });
      this.runners = facts.map((each) => ({ ...each, imagesPerSecond: null, samples: null }));
      this.isReady = true;
      for (const [i, { points }] of facts.entries()) {
        if (points.length > 0) this.#change(i, await this.#sampled(i));
      }
    });
  }

  async #sampled(training: number): Promise<Partial<Runner>> {
    return { samples: await this.engine.call('sample', { training }) };
  }

  #take({ training, points, imagesPerSecond, samples }: Report): void {
    const known: readonly Point[] = this.runners[training].points;
    this.#change(training, {
      points: [...known, ...points],
      imagesPerSecond,
      ...(samples !== undefined && { samples }),
    });
  }

  #change(training: number, change: Partial<Runner>): void {
    this.runners = this.runners.map((each, i) => (i === training ? { ...each, ...change } : each));
  }

  /** Does something that may fail: the page shows the message. It shows by itself that the engine was lost. */
  async #attempt(what: () => Promise<void>): Promise<void> {
    this.problem = null;
    try {
      await what();
    } catch (error) {
      const { name, message } = error instanceof Error ? error : new Error(String(error));
      if (name !== 'EngineLost') this.problem = message;
    }
  }
}

let session: Session | null = null;

/** The one session of the page. */
export function trainSession(): Session {
  session ??= new Session();
  return session;
}
