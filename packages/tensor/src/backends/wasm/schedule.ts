import type { Plan } from '../../compile/plan.ts';
import { BYTES_PER_ELEMENT } from '../../dtype.ts';

/** What a phase reads and writes. */
export interface PhaseAccess {
  readonly kernel: number;
  /** Buffers of the plan. */
  readonly reads: readonly number[];
  readonly writes: readonly number[];
  /** Whether it uses the memory that kernels share for their workspace. */
  readonly usesWorkspace: boolean;
  /** Whether it may refuse values. */
  readonly refuses?: boolean;
  /** Whether it writes over what was donated, which must wait for all that may refuse. */
  readonly overwrites?: boolean;
}

/** Which phases must be done before others begin. */
export interface Waits {
  /** For each phase, those to wait for that no earlier phase has waited for. */
  readonly before: readonly (readonly number[])[];
  /** Those to wait for at the end. */
  readonly after: readonly number[];
}

/**
 * Finds where threads must wait for each other: a phase waits for the last one whose results it reads,
 * whose operands it overwrites, or whose workspace it takes over, and for all before that. Phases that
 * have nothing to do with each other, such as the updates of the parameters, run without a wait.
 */
export function dependencies(plan: Plan, phases: readonly PhaseAccess[]): Waits {
  const regions = plan.buffers.map((_, buffer) => regionOf(plan, buffer));
  const touches = (a: readonly number[], b: readonly number[]): boolean =>
    a.some((x) => b.some((y) => overlap(regions[x], regions[y])));
  const conflict = (a: PhaseAccess, b: PhaseAccess): boolean =>
    a.kernel === b.kernel ||
    (a.usesWorkspace && b.usesWorkspace) ||
    (a.refuses === true && b.overwrites === true) ||
    touches(a.writes, b.reads) ||
    touches(a.writes, b.writes) ||
    touches(a.reads, b.writes);
  let waited = 0;
  const before = phases.map((phase, i) => {
    let last = i - 1;
    while (last >= waited && !conflict(phases[last], phase)) last--;
    const waits = range(waited, last + 1);
    waited = Math.max(waited, last + 1);
    return waits;
  });
  return { before, after: range(waited, phases.length) };
}

/** A stretch of one kind of memory. */
interface Region {
  readonly space: string;
  readonly begin: number;
  readonly end: number;
}

function regionOf({ buffers, outputs }: Plan, buffer: number): Region {
  const { place, size, dtype } = buffers[buffer];
  if (place.kind === 'arena') {
    const end = place.offset + size * BYTES_PER_ELEMENT[dtype];
    return { space: 'arena', begin: place.offset, end };
  }
  const donated = place.kind === 'output' ? outputs[place.index].donatedInput : null;
  const space = donated === null ? `${place.kind} ${place.index}` : `input ${donated}`;
  return { space, begin: 0, end: Infinity };
}

function overlap(a: Region, b: Region): boolean {
  return a.space === b.space && a.begin < b.end && b.begin < a.end;
}

function range(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i);
}
