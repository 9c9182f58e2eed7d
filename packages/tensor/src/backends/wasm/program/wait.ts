// Where a thread waits within a run: the emitted routine that waits for units that other threads do.

import { atomics, i32 } from '../assembler/instructions.ts';
import type { Routine } from '../assembler/routine.ts';
import type { Routines } from '../kernel/kernel-code.ts';

/** How often a waiting thread looks before it sleeps. */
const SPINS = 20_000;

/**
 * The parameters of `pause`, an import that sleeps until the word at an address may have changed. The main
 * thread's is in `host/threads.ts`, that of the others in `threads/thread.js`. How a thread waits for the
 * next run is in `threads/thread.js` too.
 */
export const PAUSE = { address: 'i32', value: 'i32' } as const;

/** The parameters of the wait routine. */
export const WAIT = {
  /** Address of the counter of units that are done. */
  counter: 'i32',
  /** The value to wait for. */
  target: 'i32',
} as const;

/** Waits until a counter has its target value: looks for a while, then lets the host wait. */
export function waitRoutine(
  routines: Routines,
  pause: Routine<typeof PAUSE>,
): Routine<typeof WAIT> {
  return routines.get('wait', WAIT, (f, { counter, target }) => {
    const now = f.local('i32');
    const looks = f.local('i32');
    f.loop((again) => {
      f.set(now, atomics.load(counter));
      f.if(i32.ne(now, target), () => {
        f.increase(looks, 1);
        f.if(i32.ge_u(looks, i32.const(SPINS)), () => {
          f.set(looks, i32.const(0));
          pause.call(f, { address: counter, value: now });
        });
        f.branch(again);
      });
    });
  });
}
