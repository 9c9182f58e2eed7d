// The shape and dtype of an input of an exported function.

import type { Tensor } from '@tessera/tensor';

/** What stands for a tensor in the arguments of a function that is exported. */
export type InputSpec = Pick<Tensor, 'shape' | 'dtype'>;
