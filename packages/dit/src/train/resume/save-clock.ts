// When the state of a training is to be saved: after a number of steps, or of minutes.

import { checkOptions, kindOf, ValueError } from '@tessera/tensor';
import { checkWhole } from '../../config/argument-check.ts';
import { KEPT_STATES, SAVE_MINUTES, type RunOptions, type SaveInterval } from '../options.ts';

/** Says after which steps of a run the state is due. */
export interface SaveClock {
  /** Whether the state after step i is due. Minutes are looked at only where `isRead`: losses are read there anyway. */
  isDue(i: number, isRead: boolean): boolean;
  /** Begins the next interval. */
  restart(): void;
}

/**
 * Checks how a run saves, and how it is ended.
 *
 * @throws ValueError unless the interval, the number of kept states and the signal make sense
 */
export function checkSaving(op: string, { saveEvery, keep, signal }: RunOptions): void {
  checkWhole(op, 'keep', keep ?? KEPT_STATES, 0);
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw new ValueError(op, `signal must be an AbortSignal, but is ${kindOf(signal)}.`);
  }
  if (saveEvery === undefined) return;
  const interval: { readonly steps?: number; readonly minutes?: number } = saveEvery;
  checkOptions(op, interval, ['steps', 'minutes']);
  const { steps, minutes } = interval;
  if ((steps === undefined) === (minutes === undefined)) {
    throw new ValueError(
      op,
      'saveEvery must have either steps or minutes. Write { steps: 500 } or { minutes: 10 }.',
    );
  }
  if (steps !== undefined) checkWhole(op, 'saveEvery.steps', steps, 1);
  else if (!(Number.isFinite(minutes) && Number(minutes) > 0)) {
    throw new ValueError(
      op,
      `saveEvery.minutes must be a number above 0, but is ${kindOf(minutes)}.`,
    );
  }
}

/**
 * Starts the clock of a run.
 *
 * @param now the time in milliseconds
 */
export function saveClock(
  interval: SaveInterval = { minutes: SAVE_MINUTES },
  now: () => number = () => performance.now(),
): SaveClock {
  let since = now();
  return {
    isDue: (i, isRead) =>
      'steps' in interval
        ? i % interval.steps === 0
        : isRead && now() - since >= interval.minutes * 60_000,
    restart() {
      since = now();
    },
  };
}
