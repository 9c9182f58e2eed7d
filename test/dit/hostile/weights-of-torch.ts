/** The reader of weights that torch.save wrote. */
import { key } from '@tessera/tensor';
import { Linear } from '@tessera/autograd/nn';
import { loadModule } from '@tessera/dit/node';
import { encodeTorch } from '../../../packages/dit/src/run/torch/torch-bytes.ts';
import { withZipSums } from './repairs.ts';
import type { Subject } from './subjects.ts';

const weights = encodeTorch(
  new Map([
    ['weight', { dtype: 'float32', shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) }],
    ['bias', { dtype: 'float32', shape: [2], data: Float32Array.of(5, 6) }],
  ]),
  'ema',
);

/** Weights of a Linear. Checksums are made right again, so that the pickle is read too. */
export const WEIGHTS_OF_TORCH: Subject = {
  name: 'weights of torch.save',
  bound: 'tensors',
  file: 'weights.pt',
  originals: [{ bytes: weights, finish: withZipSums }, { bytes: weights }],
  share: 3,
  async read(path) {
    const { weight } = await loadModule(path, new Linear(2, 2, { key: key(0) }));
    if (!(await weight.data()).every(Number.isFinite)) {
      throw new Error('accepted, though weights are not finite');
    }
  },
};
