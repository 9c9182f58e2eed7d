// Finds which phases must wait for which others, from the memory that they read and write.

import type { Plan } from '../../../plan/plan.ts';
import { BYTES_PER_ELEMENT } from '../../../array/dtype.ts';

/** What a phase reads and writes. */
export interface PhaseAccess {
  readonly kernel: number;
  /** Buffers of the plan. */
  readonly reads: readonly number[];
  readonly writes: readonly number[];
  /** Whether it uses the workspace, which all kernels share. */
  readonly usesWorkspace: boolean;
  /** Whether it may refuse values. */
  readonly refuses?: boolean;
  /** Whether it overwrites a donated buffer. It must then wait for all phases that may refuse a value. */
  readonly overwrites?: boolean;
}

/** Which phases must be done before others begin. */
export interface Waits {
  /** For each phase, the phases to wait for, without those that an earlier phase has waited for. */
  readonly before: readonly (readonly number[])[];
  /** The phases to wait for at the end. */
  readonly after: readonly number[];
}

/**
 * Finds where threads must wait for each other. A phase waits for the last one whose results it reads,
 * whose operands it overwrites or whose workspace it takes over, and for all phases before that one. Phases
 * that have nothing to do with each other run without a wait, such as the updates of the parameters.
 */
export function dependencies(plan: Plan, phases: readonly PhaseAccess[]): Waits {
  const regions = regionsOf(plan);
  const points = regions.flatMap(({ begin, end }) => [begin, end]).sort((a, b) => a - b);
  const cells = new Map(points.map((point, i) => [point, i]));
  const cellsOf = (buffer: number): readonly [number, number] => {
    const { begin, end } = regions[buffer];
    return [cells.get(begin) ?? 0, cells.get(end) ?? 0];
  };
  const written = new Latest(points.length);
  const read = new Latest(points.length);
  let [kernel, usedWorkspace, refused, waited] = [-1, -1, -1, 0];
  const before = phases.map((phase, i) => {
    let last = phase.kernel === kernel ? i - 1 : -1;
    if (phase.usesWorkspace) last = Math.max(last, usedWorkspace);
    if (phase.overwrites === true) last = Math.max(last, refused);
    for (const buffer of phase.reads) last = Math.max(last, written.in(...cellsOf(buffer)));
    for (const buffer of phase.writes) {
      const [begin, end] = cellsOf(buffer);
      last = Math.max(last, written.in(begin, end), read.in(begin, end));
    }
    for (const buffer of phase.reads) read.set(...cellsOf(buffer), i);
    for (const buffer of phase.writes) written.set(...cellsOf(buffer), i);
    if (phase.usesWorkspace) usedWorkspace = i;
    if (phase.refuses === true) refused = i;
    ({ kernel } = phase);
    const waits = range(waited, last + 1);
    waited = Math.max(waited, last + 1);
    return waits;
  });
  return { before, after: range(waited, phases.length) };
}

/** A stretch of memory as a range of numbers. Stretches that share no byte share no number. */
interface Region {
  readonly begin: number;
  readonly end: number;
}

/** The stretch of each buffer: its bytes in the arena, or a place of its own behind the arena. */
function regionsOf({ buffers, outputs, arenaBytes }: Plan): Region[] {
  const spaces = new Map<string, number>();
  return buffers.map(({ place, size, dtype }) => {
    if (place.kind === 'arena') {
      const end = place.offset + size * BYTES_PER_ELEMENT[dtype];
      return { begin: place.offset, end };
    }
    const donated = place.kind === 'output' ? outputs[place.index].donatedInput : null;
    const space = donated === null ? `${place.kind} ${place.index}` : `input ${donated}`;
    const begin = spaces.get(space) ?? arenaBytes + spaces.size;
    spaces.set(space, begin);
    return { begin, end: begin + 1 };
  });
}

/**
 * When each of some cells was last set. It is a binary tree over the cells: node i covers nodes 2i and 2i +
 * 1.
 */
class Latest {
  /** The index of the first leaf. */
  readonly #first: number;
  /** For each node, when all cells below it were last set at once, and when any of them was. */
  readonly #whole: Int32Array;
  readonly #any: Int32Array;

  constructor(cells: number) {
    this.#first = 2 ** Math.ceil(Math.log2(Math.max(1, cells)));
    this.#whole = new Int32Array(2 * this.#first).fill(-1);
    this.#any = this.#whole.slice();
  }

  /**
   * Sets the cells from `begin` up to `end` (exclusive) at a time. No earlier call may have had a later
   * time.
   */
  set(begin: number, end: number, time: number): void {
    this.#visit(
      begin,
      end,
      (node) => {
        this.#whole[node] = time;
        this.#any[node] = time;
      },
      (above) => {
        this.#any[above] = time;
      },
    );
  }

  /** The last time at which one of the cells was set; −1 if none was. */
  in(begin: number, end: number): number {
    let last = -1;
    this.#visit(
      begin,
      end,
      (node) => {
        last = Math.max(last, this.#any[node]);
      },
      (above) => {
        last = Math.max(last, this.#whole[above]);
      },
    );
    return last;
  }

  /** Visits the fewest nodes that cover some cells, and all nodes above them. */
  #visit(
    begin: number,
    end: number,
    node: (index: number) => void,
    above: (index: number) => void,
  ): void {
    if (begin === end) return;
    let [left, right] = [begin + this.#first, end - 1 + this.#first];
    for (let edge of [left, right]) while ((edge >>= 1) > 0) above(edge);
    for (; left <= right; left >>= 1, right >>= 1) {
      if (left % 2 === 1) node(left++);
      if (right % 2 === 0) node(right--);
    }
  }
}

function range(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i);
}
