import type { Backend } from '@tessera/tensor';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { rows } from './cases.ts';
import { checkConformance } from './conformance.ts';
import { rowName } from './row.ts';
import { runs } from './runs.ts';

/** A backend, and what it takes to let the process end. */
type OpenBackend = Backend & { dispose?(): Promise<void> | void };

/** A backend under test. */
export interface Candidate {
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

/** Every row of the table against its definition, on a backend. */
export function describeConformance({ name, make, tolerance, share, skipped }: Candidate): void {
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
