// What a training in PyTorch cannot take over, each part by its name.

import { ValueError } from '@tessera/tensor';
import type { TrainConfig } from '../../config/config.ts';

/** The first setting of a run that the Python programs do not know; `undefined` if they know all. */
function unknownPart({ diffusion, model, optimizer }: TrainConfig): string | undefined {
  if (diffusion.objective === 'mean-flow') return 'the objective mean-flow';
  const branch = model.conditions?.find(({ kind }) => kind === 'control');
  if (branch !== undefined) return `the ControlNet '${branch.name}'`;
  return optimizer.name === 'muon' ? 'the optimizer muon' : undefined;
}

/** Throws a ValueError that names what the Python programs cannot train, if a run has such a part. */
export function checkExportable(run: string, config: TrainConfig): void {
  const part = unknownPart(config);
  if (part === undefined) return;
  throw new ValueError('exportToPytorch', `${run} has ${part}, which train.py does not know yet.`);
}
