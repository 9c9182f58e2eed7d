// Finds the Pythons that have PyTorch.

import { spawnSync } from 'node:child_process';

/** A Python that has PyTorch. */
export interface Torch {
  /** How it is started. */
  readonly python: string;
  /** The version of its PyTorch, such as `2.13.0+cpu`. */
  readonly version: string;
  /** Whether that reaches a GPU. */
  readonly cuda: boolean;
}

/** One of the Pythons of a run. */
export interface TorchInstance extends Torch {
  /** What tells it from the others of the run: its version without the build, such as `2.13.0`. */
  readonly instance: string;
}

/** What a Python prints when it runs a program; `null` if that does not come to a good end. */
export type Prints = (python: string, program: string) => string | null;

/** Pythons to look for torch in: the first on the path, and the system's own. */
const PYTHONS = ['python3', '/usr/bin/python3'];

const PYTHON = 'import sys; print("python", *sys.version_info[:2])';
const TORCH = 'import torch; print("torch", torch.__version__, torch.cuda.is_available())';

const run: Prints = (python, program) => {
  const { status, stdout } = spawnSync(python, ['-c', program], { encoding: 'utf8' });
  return status === 0 ? stdout : null;
};

/** The PyTorch of a Python, or why it has none. */
export function torchOf(python: string, prints: Prints = run): Torch | string {
  const [, version, cuda] = /^torch (\S+) (True|False)$/m.exec(prints(python, TORCH) ?? '') ?? [];
  if (version !== undefined) return { python, version, cuda: cuda === 'True' };
  return /^python 3 \d+$/m.test(prints(python, PYTHON) ?? '')
    ? `This Python has no torch: '${python} -m pip install torch' gives it one.`
    : 'It is no Python 3. Expected the path of one that has torch.';
}

/**
 * The Python with the newest torch among those that this knows, if possible one whose torch reaches a GPU if that
 * is wanted. All contenders of a run that need Python get the same one, so with a GPU wanted the rows on
 * the CPU are those of its torch too.
 *
 * @returns one Python; none if none has torch
 */
export function newestTorch(wantsGpu: boolean, prints: Prints = run): readonly Torch[] {
  const found = PYTHONS.map((python) => torchOf(python, prints)).filter(
    (torch) => typeof torch !== 'string',
  );
  const { compare } = new Intl.Collator('en', { numeric: true });
  const rank = ({ cuda }: Torch): number => Number(wantsGpu && cuda);
  return found.sort((a, b) => rank(b) - rank(a) || compare(b.version, a.version)).slice(0, 1);
}

/** Gives each its name: the version, and a number where others of that version stand before it. */
export function tellApart(torches: readonly Torch[]): TorchInstance[] {
  const counts = new Map<string, number>();
  return torches.map((torch) => {
    const [version] = torch.version.split('+');
    const count = (counts.get(version) ?? 0) + 1;
    counts.set(version, count);
    return { ...torch, instance: count === 1 ? version : `${version} #${count}` };
  });
}
