/** The reader of the parts that the jobs of an array have drawn. */
import { encodeSealed } from '../../../packages/dit/src/run/integrity/seal.ts';
import { mergeParts } from '../../../packages/dit/src/shard/parts.ts';
import { sealed } from './repairs.ts';
import type { Subject } from './subjects.ts';

const WORK = { op: 'sample', rows: 3, unit: 2, digest: 'abc' } as const;

const samples = { dtype: 'float32', shape: [3, 2], data: new Float32Array(6).fill(0.5) } as const;

const part = encodeSealed(new Map([['samples', samples]]), {
  format: 'tessera-part-1',
  shard: '1/1',
  rows: String(WORK.rows),
  digest: WORK.digest,
});

/** A part that is all of the work. */
export const PART_OF_SAMPLES: Subject = {
  name: 'parts of samples',
  bound: 'tensors',
  file: 'part-1-of-1.safetensors',
  originals: [{ bytes: part, finish: sealed }, { bytes: part }],
  async read(_path, folder) {
    const rows = (await mergeParts(folder, WORK, ['samples'])).get('samples');
    if (rows?.every(Number.isFinite) !== true) {
      throw new Error('accepted, though samples are not finite');
    }
  },
};
