import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  dependencies,
  type PhaseAccess,
} from '../../../../packages/tensor/src/backends/wasm/program/schedule.ts';
import type { Place, Plan } from '../../../../packages/tensor/src/plan/plan.ts';

/** A plan of buffers alone: 64 float32 each. */
function planOf(places: readonly Place[], donations: readonly (number | null)[] = []): Plan {
  return {
    buffers: places.map((place) => ({ dtype: 'float32', size: 64, place })),
    kernels: [],
    inputs: places.filter(({ kind }) => kind === 'input').length,
    constants: 0,
    outputs: donations.map((donatedInput) => ({ shape: [64], dtype: 'float32', donatedInput })),
    arenaBytes: 4096,
  };
}

const arena = (offset: number): Place => ({ kind: 'arena', offset });

/** One phase of a kernel of its own. */
const phase = (
  kernel: number,
  reads: number[],
  writes: number[],
  usesWorkspace = false,
): PhaseAccess => ({
  kernel,
  reads,
  writes,
  usesWorkspace,
});

describe('dependencies', () => {
  const plan = planOf([arena(0), arena(256), arena(512), arena(768)]);
  const before = (...phases: readonly PhaseAccess[]) => dependencies(plan, phases).before;

  it('waits for what a phase reads, overwrites, or writes after another', () => {
    expect(before(phase(0, [], [0]), phase(1, [0], [1]))).toEqual([[], [0]]);
    expect(before(phase(0, [0], [1]), phase(1, [], [0]))).toEqual([[], [0]]);
    expect(before(phase(0, [], [0]), phase(1, [], [0]))).toEqual([[], [0]]);
  });

  it('waits for nothing that has nothing to do with it, and for all of it at the end', () => {
    expect(
      dependencies(plan, [phase(0, [0], [1]), phase(1, [0], [2]), phase(2, [0], [3])]),
    ).toEqual({
      before: [[], [], []],
      after: [0, 1, 2],
    });
  });

  it('waits once for each phase, and for all those before the one it needs', () => {
    expect(
      dependencies(plan, [
        phase(0, [], [0]),
        phase(1, [], [1]),
        phase(2, [1], [2]),
        phase(3, [0], [3]),
      ]),
    ).toEqual({ before: [[], [], [0, 1], []], after: [2, 3] });
  });

  it('lets the phases of a kernel follow each other, and takes workspace in turns', () => {
    expect(before(phase(0, [0], [1]), phase(0, [0], [1]))).toEqual([[], [0]]);
    expect(before(phase(0, [0], [1], true), phase(1, [0], [2], true))).toEqual([[], [0]]);
    expect(before(phase(0, [0], [1], true), phase(1, [0], [2]))).toEqual([[], []]);
  });

  it('knows buffers that lie in the same bytes of the arena, in part or whole', () => {
    const overlapping = planOf([arena(0), arena(128), arena(256), { kind: 'input', index: 0 }]);
    const wait = (a: number, b: number) =>
      dependencies(overlapping, [phase(0, [3], [a]), phase(1, [3], [b])]).before[1];
    expect(wait(0, 1)).toEqual([0]);
    expect(wait(1, 2)).toEqual([0]);
    expect(wait(0, 2)).toEqual([]);
  });

  it('knows an output that takes over a donated input', () => {
    const places: Place[] = [
      { kind: 'input', index: 0 },
      { kind: 'input', index: 1 },
      { kind: 'output', index: 0 },
      { kind: 'output', index: 1 },
    ];
    const donated = planOf(places, [1, null]);
    const wait = (reads: number, writes: number) =>
      dependencies(donated, [phase(0, [reads], []), phase(1, [], [writes])]).before[1];
    expect(wait(1, 2)).toEqual([0]);
    expect(wait(0, 2)).toEqual([]);
    expect(wait(1, 3)).toEqual([]);
  });

  it('never lets a phase begin before what it conflicts with is done', () => {
    const buffer = fc.nat(3);
    const phases = fc.array(fc.tuple(fc.array(buffer, { maxLength: 2 }), buffer, fc.boolean()), {
      maxLength: 12,
    });
    fc.assert(
      fc.property(phases, (list) => {
        const accesses = list.map(([reads, write, uses], i) => phase(i, reads, [write], uses));
        const { before: waits, after } = dependencies(plan, accesses);
        const done = new Set<number>();
        accesses.forEach((access, i) => {
          for (const earlier of waits[i]) done.add(earlier);
          accesses.slice(0, i).forEach((earlier, j) => {
            const shares = (a: readonly number[], b: readonly number[]) =>
              a.some((x) => b.includes(x));
            const conflicts =
              shares(earlier.writes, access.reads) ||
              shares(earlier.writes, access.writes) ||
              shares(earlier.reads, access.writes) ||
              (earlier.usesWorkspace && access.usesWorkspace);
            if (conflicts) expect(done).toContain(j);
          });
        });
        expect([...waits.flat(), ...after]).toEqual(accesses.map((_, i) => i));
      }),
    );
  });
});
