// The clock of `npm run bench`: warms up, then takes samples.

import { samplePlan, summarize, WARM_UP, type Summary } from './compare/statistics.ts';

/**
 * Runs `work` until its result is there: for a second or twice to warm up, then in samples.
 *
 * @param work What to time; it must wait for its own result.
 * @param samples Default 7; work of more than 10 s gets fewer.
 */
export async function time(work: () => unknown, samples = 7): Promise<Summary> {
  const duration = async (runs: number): Promise<number> => {
    const start = performance.now();
    for (let i = 0; i < runs; i++) await work();
    return (performance.now() - start) / runs;
  };
  let last = 0;
  const start = performance.now();
  for (let run = 0; run < WARM_UP.runs || performance.now() - start < WARM_UP.ms; run++) {
    last = await duration(1);
  }
  const plan = samplePlan(last, samples);
  const times: number[] = [];
  for (let i = 0; i < plan.samples; i++) times.push(await duration(plan.runs));
  return summarize(times);
}
