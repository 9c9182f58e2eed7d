// Either kind of forward process: a noise schedule of timesteps, or a flow in continuous time.

import { kindOf, ValueError } from '@tessera/tensor';
import { isFlowObjective } from '../../config/choices.ts';
import { checkDiffusion, type Diffusion } from './diffusion.ts';
import { checkFlow, type Flow } from './flow.ts';

/** A forward process, and what its model predicts. */
export type Process = Diffusion | Flow;

/** Whether a process is a flow; else it has a noise schedule. */
export function isFlow(process: Process): process is Flow {
  return isFlowObjective(process.predicts);
}

/** Throws a ValueError unless `process` is one that createDiffusion or createFlow makes. */
export function checkProcess(op: string, process: Process): void {
  if (typeof process !== 'object' || process === null) {
    const hint = 'Make one with createDiffusion(…) or createFlow(…).';
    throw new ValueError(op, `the process must be an object, but is ${kindOf(process)}. ${hint}`);
  }
  if (isFlow(process)) checkFlow(op, process);
  else checkDiffusion(op, process);
}
