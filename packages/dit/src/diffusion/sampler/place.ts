// Where a sampler may start: the number of steps that are left after the first.

import { kindOf, ValueError } from '@tessera/tensor';
import { isFlow, type Process } from '../process/process.ts';

/** The place of pure noise: all steps of a process but one are left after the first. */
export function lastStep(process: Process): number {
  return (isFlow(process) ? process.times.length - 1 : process.schedule.timesteps) - 1;
}

/** Throws a ValueError unless `from` is a place of a process. */
export function checkFrom(op: string, name: string, process: Process, from: number): void {
  const last = lastStep(process);
  if (Number.isInteger(from) && from >= 0 && from <= last) return;
  throw new ValueError(
    op,
    isFlow(process)
      ? `${name} is ${kindOf(from)}, but must be a number of steps left, 0 to ${last}.`
      : `${name} is ${kindOf(from)}, but must be a kept timestep, 0 to ${last}.`,
  );
}
