// The folder of the Python programs that an export copies.

import { fileURLToPath } from 'node:url';

/** The programs that go on with a training in PyTorch: `train.py`, `model.py` and what they import. */
export const PYTHON_FOLDER: string = fileURLToPath(new URL('../../python', import.meta.url));

/** The files of {@link PYTHON_FOLDER}. */
export const PYTHON_FILES = [
  'train.py',
  'training.py',
  'model.py',
  'blocks.py',
  'layers.py',
  'conditions.py',
  'objective.py',
  'flow_map.py',
  'process.py',
  'optimizer.py',
  'threefry.py',
  'data.py',
  'masks.py',
  'scramble.py',
  'checkpoint.py',
  'problem.py',
] as const;
