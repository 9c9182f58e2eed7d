import { samplePlan, summarize, type Summary } from './compare/statistics.ts';

/**
 * Runs `work` until its result is there: twice to warm up, then in samples.
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
  await work();
  const plan = samplePlan(await duration(1), samples);
  const times: number[] = [];
  for (let i = 0; i < plan.samples; i++) times.push(await duration(plan.runs));
  return summarize(times);
}
