/**
 * Runs before every test file. A failing property prints its seed, its path and the shrunk case;
 * `FC_SEED=123 npm test` replays that seed and `FC_RUNS=1000 npm test` looks harder.
 */
import { configureGlobal, VerbosityLevel } from 'fast-check';

const { FC_RUNS, FC_SEED } = process.env;

configureGlobal({
  numRuns: FC_RUNS === undefined ? 100 : Number(FC_RUNS),
  ...(FC_SEED === undefined ? {} : { seed: Number(FC_SEED) }),
  verbose: VerbosityLevel.Verbose,
});
