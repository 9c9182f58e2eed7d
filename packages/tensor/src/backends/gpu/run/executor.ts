// Runs a plan on an engine: every kernel writes fresh pool memory and frees what it read last.

import { own, type Backend, type Executable, type Storage } from '../../backend.ts';
import type { Plan } from '../../../plan/plan.ts';
import { lostIn } from '../../../errors.ts';
import type { Engine, Memory, Program } from '../device/engine.ts';
import { lowerPlan } from './lower.ts';
import { GpuStorage } from './storage.ts';

/** A dispatch with its compiled kernel, and the slots that nobody reads after it. */
interface Step {
  readonly program: Program;
  readonly reads: readonly number[];
  readonly writes: number;
  readonly frees: readonly number[];
}

/** Eager operations that are queued before the device gets them. */
const LONGEST_QUEUE = 128;

/**
 * Makes a plan ready on an engine. Memory comes from the engine's pool: every kernel writes memory of
 * its own and gives back what it was the last to read, so the buffers of a plan, and donated inputs
 * and the outputs that take over from them, share memory as their lifetimes allow. No kernel ever
 * writes what it reads.
 */
export function prepare(
  backend: Backend,
  engine: Engine,
  plan: Plan,
  constants: readonly Storage[],
): Executable {
  const { dispatches, slots } = lowerPlan(plan, engine.limits);
  const lastUse = new Map<number, number>();
  dispatches.forEach(({ reads, writes }, at) => {
    for (const slot of [...reads, writes]) lastUse.set(slot, at);
  });
  const donated = new Set(plan.outputs.map(({ donatedInput }) => donatedInput));
  const isOwned = (slot: number): boolean => {
    if (slot >= plan.buffers.length) return true;
    const { place } = plan.buffers[slot];
    return place.kind === 'arena' || (place.kind === 'input' && donated.has(place.index));
  };
  const steps = dispatches.map(({ source, reads, writes }, at): Step => ({
    program: engine.compile(source),
    reads,
    writes,
    frees: [...new Set([...reads, writes])].filter(
      (slot) => isOwned(slot) && lastUse.get(slot) === at,
    ),
  }));
  return {
    run: (inputs, outputs) => {
      const memory = new Array<Memory | undefined>(slots);
      const release = (slot: number): void => {
        const done = memory[slot];
        memory[slot] = undefined;
        if (done !== undefined) engine.free(done);
      };
      /** Donated inputs by slot, whose handles wait for the outputs that take them over. */
      const taken = new Map<number, GpuStorage>();
      plan.buffers.forEach(({ place }, slot) => {
        if (place.kind !== 'constant' && place.kind !== 'input') return;
        const storage = own(
          GpuStorage,
          backend,
          (place.kind === 'input' ? inputs : constants)[place.index],
          'run',
        );
        memory[slot] = storage.memory('run');
        if (isOwned(slot)) taken.set(slot, storage);
      });
      for (const storage of taken.values()) storage.take('run');
      try {
        for (const { program, reads, writes, frees } of steps) {
          memory[writes] = engine.run(
            program,
            // Kernels of no elements do not run, so what they would write is read for no element.
            reads.map((slot) => (memory[slot] ??= engine.upload(new Float32Array(2)))),
          );
          frees.forEach(release);
        }
      } catch (error) {
        for (const [slot, storage] of taken) {
          const kept = memory[slot];
          memory[slot] = undefined;
          if (kept === undefined) storage.release(lostIn(error));
          else storage.put(kept);
        }
        // Nobody else knows of what was computed so far.
        for (let slot = 0; slot < slots; slot++) {
          if (isOwned(slot) || plan.buffers[slot].place.kind === 'output') release(slot);
        }
        throw error;
      }
      plan.buffers.forEach(({ place }, slot) => {
        const result = memory[slot];
        if (result === undefined) return;
        if (place.kind === 'output')
          own(GpuStorage, backend, outputs[place.index], 'run').put(result);
        // A donated input that no kernel reads.
        else if (place.kind === 'input' && isOwned(slot)) release(slot);
      });
      // A plan is one submit; eager operations share one.
      engine.submit(plan.kernels.length > 1 ? 1 : LONGEST_QUEUE);
    },
  };
}
