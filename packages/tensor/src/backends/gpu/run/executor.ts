// Runs a plan on an engine: every kernel writes fresh pool memory and frees what it read last.

import { own, type Backend, type Executable, type Storage } from '../../backend.ts';
import type { Plan } from '../../../plan/plan.ts';
import { lostIn } from '../../../errors.ts';
import type { Engine, Memory, Program } from '../device/engine.ts';
import { lowerPlan } from './lower.ts';
import { GpuStorage } from './storage.ts';

/** A dispatch with its compiled kernel, and the slots that no later dispatch reads. */
interface Step {
  readonly program: Program;
  readonly reads: readonly number[];
  readonly writes: number;
  readonly frees: readonly number[];
}

/** Eager operations that are queued before they go to the device together. */
const LONGEST_QUEUE = 128;

/**
 * Makes a plan ready on an engine. Memory comes from the engine's pool: every kernel writes memory of its
 * own, and the last reader of a slot gives its memory back. So buffers of a plan share memory as their
 * lifetimes allow; so do donated inputs and the outputs that replace them. No kernel ever writes memory that
 * it reads.
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
      /** Donated inputs by slot; an error gives them their memory back if it still exists. */
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
            // Kernels without elements do not run. The slots that they would write are never really read.
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
        // No handle refers to the results so far, so free them here.
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
        // Frees a donated input that no kernel reads.
        else if (place.kind === 'input' && isOwned(slot)) release(slot);
      });
      // A plan is one submit; eager operations share a submit.
      engine.submit(plan.kernels.length > 1 ? 1 : LONGEST_QUEUE);
    },
  };
}
