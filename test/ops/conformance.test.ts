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
import { modesUnderTest } from '../gpu/modes.ts';
import { everywhere } from './arbitraries.ts';
import { rows } from './cases.ts';
import { expectSame } from './comparison.ts';
import { evaluate } from './reference.ts';
import { rowName } from './row.ts';
import { runs } from './runs.ts';

/** A backend, and what it takes to let the process end. */
type OpenBackend = Backend & { dispose?(): Promise<void> | void };

/** A backend under test. */
interface Candidate {
  readonly name: string;
  readonly make: () => OpenBackend | Promise<OpenBackend>;
  /**
   * Deviation of float32 results from the definitions, as a multiple of the largest: the definitions
   * sum in float64 and round once, a backend may round every term, and what follows enlarges that.
   */
  readonly tolerance: number;
  /** Percent of the usual number of runs. */
  readonly share: number;
  /** Why it cannot run here. */
  readonly skipped?: string | null;
}

const candidates: readonly Candidate[] = [
  { name: 'cpu', make: cpuBackend, tolerance: 1e-6, share: 12 },
  // Sums of float32 products, and functions within two units of the last place.
  { name: 'wasm, 1 thread', make: () => wasmBackend({ threads: 1 }), tolerance: 2e-6, share: 12 },
  { name: 'wasm, 2 threads', make: () => wasmBackend({ threads: 2 }), tolerance: 2e-6, share: 12 },
  // Every shape is a kernel to compile, so few runs. exp, log and pow of a GPU are off by about 1e-6,
  // which what follows enlarges.
  ...modesUnderTest().map(({ mode, make, skipped }) => ({
    name: `gpu (${mode})`,
    make,
    skipped,
    tolerance: 1e-5,
    share: 2,
  })),
];

for (const { name, make, tolerance, share, skipped } of candidates) {
  const isSkipped = typeof skipped === 'string';
  describe.skipIf(isSkipped)(
    `${name} computes what the definitions say${isSkipped ? ` (skipped: ${skipped})` : ''}`,
    () => {
      const before = defaultBackend();
      let backend: OpenBackend;

      beforeAll(async () => {
        backend = await make();
      });
      afterAll(() => backend.dispose?.());

      /** The same elements on the backend under test. */
      const moved = (x: Tensor): Tensor =>
        tensor(x.dataSync().slice(), { shape: x.shape, dtype: x.dtype });

      it.each(rows.map((row) => [rowName(row), row.cases] as const))('%s', async (_name, cases) => {
        await fc.assert(
          fc.asyncProperty(everywhere(cases), layouts, async ({ f, inputs }, layout) => {
            const expected = evaluate(f, inputs);
            setDefaultBackend(backend);
            try {
              const operands = inputs.map((x) => layout(moved(x)));
              const run = (...args: readonly Tensor[]): readonly Tensor[] => [f(...args)].flat();
              await expectSame(run(...operands), expected, tolerance);
              await expectSame(compile(run)(...operands), expected, tolerance);
            } finally {
              setDefaultBackend(before);
            }
          }),
          { numRuns: runs(share) },
        );
      });
    },
  );
}
