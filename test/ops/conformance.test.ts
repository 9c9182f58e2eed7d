import { cpuBackend, wasmBackend, type Backend } from '@tessera/tensor';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { modesUnderTest } from '../gpu/modes.ts';
import { rows } from './cases.ts';
import { checkConformance } from './conformance.ts';
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
  ...modesUnderTest().map(({ name, make, skipped }) => ({
    name: `gpu (${name})`,
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
      let backend: OpenBackend;

      beforeAll(async () => {
        backend = await make();
      });
      afterAll(() => backend.dispose?.());

      it.each(rows.map((row) => [rowName(row), row.cases] as const))('%s', (_name, cases) =>
        checkConformance(backend, cases, { tolerance, numRuns: runs(share) }),
      );
    },
  );
}
