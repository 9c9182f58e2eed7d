/**
 * Runs before every test file. A failing property prints its seed, its path and the shrunk case;
 * `FC_SEED=123 npm test` replays that seed and `FC_RUNS=1000 npm test` looks harder.
 *
 * Tests compute on the cpu backend, the definition of every operation, unless they choose another or
 * `TESSERA_BACKEND=wasm npm test` does for all.
 */
import { cpuBackend, setDefaultBackend, wasmBackend } from '@tessera/tensor';
import { configureGlobal, VerbosityLevel } from 'fast-check';

const { FC_RUNS, FC_SEED, TESSERA_BACKEND } = process.env;

setDefaultBackend(TESSERA_BACKEND === 'wasm' ? wasmBackend() : cpuBackend());

configureGlobal({
  numRuns: FC_RUNS === undefined ? 100 : Number(FC_RUNS),
  ...(FC_SEED === undefined ? {} : { seed: Number(FC_SEED) }),
  verbose: VerbosityLevel.Verbose,
});
