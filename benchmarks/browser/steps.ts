// Times the training step of `step-tiny` on the wasm backend, in Node and in pages.

import { setDefaultBackend, wasmBackend } from '@tessera/tensor';
import type { Summary } from '../compare/statistics.ts';
import { stepTask } from '../contenders/tessera-model.ts';
import { time } from '../timing.ts';
import { makeArrays } from '../works/arrays.ts';
import { workNamed, type ModelWork } from '../works/works.ts';

/** Steps before the first that counts: engines compile hot code once more while it runs. */
const WARM_STEPS = 2;

/** Rest after each of them in milliseconds: a page's threads start while its own is idle. */
const REST = 200;

/** How steps are timed. */
export interface StepOptions {
  readonly threads: number;
  readonly samples: number;
  /** Whether kernels are written for 256 bits whatever the probe says; otherwise the backend decides. */
  readonly wide: boolean;
}

/** The times of steps, and the losses of the first three. */
export interface StepTimes {
  readonly times: Summary;
  readonly check: readonly number[];
  /** What the backend chose. */
  readonly wide: boolean;
  /** Why it has fewer threads than asked for; `null` if it has them. */
  readonly notice: string | null;
}

/** The work that is timed. */
export function stepWork(): ModelWork {
  const work = workNamed('step-tiny');
  if (work?.kind !== 'step') throw new Error('there is no work step-tiny');
  return work;
}

/** Trains, and times the steps when all is warm. */
export async function timeSteps({ threads, samples, wide }: StepOptions): Promise<StepTimes> {
  const backend = wasmBackend({ threads, ...(wide ? { wide } : {}) });
  setDefaultBackend(backend);
  const work = stepWork();
  const task = stepTask(work, makeArrays(work));
  for (let i = 0; i < WARM_STEPS; i++) {
    await task.run();
    await new Promise((resolve) => {
      setTimeout(resolve, REST);
    });
  }
  const times = await time(() => task.run(), samples);
  return { times, check: await task.check(), wide: backend.wide, notice: backend.notice };
}
