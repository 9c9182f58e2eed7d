/** Times in milliseconds of several runs of one piece of work. */
export interface Timing {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/**
 * Runs `work` until its result is there, a few times to warm up and then `runs` times.
 *
 * @param work What to time; it must wait for its own result.
 * @param runs Default 7.
 */
export async function time(work: () => Promise<unknown>, runs = 7): Promise<Timing> {
  const samples: number[] = [];
  for (let i = -2; i < runs; i++) {
    const start = performance.now();
    await work();
    if (i >= 0) samples.push(performance.now() - start);
  }
  samples.sort((a, b) => a - b);
  return { median: samples[runs >> 1], min: samples[0], max: samples[runs - 1] };
}
