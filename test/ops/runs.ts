import fc from 'fast-check';

/** How often to try a property: `percent` of the usual number of runs, which `FC_RUNS` sets. */
export function runs(percent: number): number {
  return Math.ceil(((fc.readConfigureGlobal().numRuns ?? 100) * percent) / 100);
}
