import { layouts } from '@tessera/autograd/testing';
import {
  compile,
  cpuBackend,
  defaultBackend,
  setDefaultBackend,
  tensor,
  wasmBackend,
  type Backend,
  type Tensor,
} from '@tessera/tensor';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { everywhere } from './arbitraries.ts';
import { rows } from './cases.ts';
import { expectSame } from './comparison.ts';
import { evaluate } from './reference.ts';
import { rowName } from './row.ts';
import { runs } from './runs.ts';

/** A backend under test. */
interface Candidate {
  readonly name: string;
  readonly make: () => Backend;
  /**
   * Deviation of float32 results from the definitions, as a multiple of the largest: the definitions
   * sum in float64 and round once, a backend may round every term, and what follows enlarges that.
   */
  readonly tolerance: number;
}

const candidates: readonly Candidate[] = [
  { name: 'cpu', make: cpuBackend, tolerance: 1e-6 },
  // Sums of float32 products, and functions within two units of the last place.
  { name: 'wasm, 1 thread', make: () => wasmBackend({ threads: 1 }), tolerance: 2e-6 },
  { name: 'wasm, 2 threads', make: () => wasmBackend({ threads: 2 }), tolerance: 2e-6 },
];

const RUNS = runs(12);

describe.each(candidates)('$name computes what the definitions say', ({ make, tolerance }) => {
  const before = defaultBackend();

  beforeAll(() => setDefaultBackend(make()));
  afterAll(() => setDefaultBackend(before));

  /** The same elements on the backend under test. */
  const moved = (x: Tensor): Tensor =>
    tensor(x.dataSync().slice(), { shape: x.shape, dtype: x.dtype });

  it.each(rows.map((row) => [rowName(row), row.cases] as const))('%s', (_name, cases) => {
    fc.assert(
      fc.property(everywhere(cases), layouts, ({ f, inputs }, layout) => {
        const operands = inputs.map((x) => layout(moved(x)));
        const run = (...args: readonly Tensor[]): readonly Tensor[] => [f(...args)].flat();
        const expected = evaluate(f, inputs);
        expectSame(run(...operands), expected, tolerance);
        expectSame(compile(run)(...operands), expected, tolerance);
      }),
      { numRuns: RUNS },
    );
  });
});
