// Finds a Python that has PyTorch.

import { spawnSync } from 'node:child_process';

/** Pythons to look for torch in: the first on the path, and the system's own. */
const PYTHONS = ['python3', '/usr/bin/python3'];

/** Whether a Python runs a program to a good end. */
export type Succeeds = (python: string, program: string) => boolean;

const runs: Succeeds = (python, program) =>
  spawnSync(python, ['-c', program], { stdio: 'ignore' }).status === 0;

/**
 * A Python that has torch, if possible one whose torch reaches a GPU if that is wanted. All contenders of
 * a run that need Python get the same one, so with a GPU wanted the rows on the CPU are those of its torch
 * too.
 */
export function pythonWithTorch(wantsGpu: boolean, succeeds: Succeeds = runs): string | null {
  const find = (program: string): string | undefined =>
    PYTHONS.find((python) => succeeds(python, program));
  const found = wantsGpu
    ? find('import torch, numpy, sys; sys.exit(not torch.cuda.is_available())')
    : undefined;
  return found ?? find('import torch, numpy') ?? null;
}
