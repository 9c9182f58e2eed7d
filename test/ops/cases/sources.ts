import {
  arange,
  bernoulli,
  categorical,
  eye,
  foldIn,
  linspace,
  normal,
  permutation,
  randomInt,
  randomWords,
  split,
  splitKey,
  uniform,
  type Tensor,
} from '@tessera/tensor';
import { fixed, ids, shaped } from '../arbitraries.ts';
import type { OpName, OpRow } from '../row.ts';

/** A function of a key. */
function drawn(op: OpName, f: (key: Tensor) => Tensor | readonly Tensor[]): OpRow {
  return {
    op,
    variant: 'of a key',
    cases: shaped(f, [[2]], ids(2 ** 31)),
    notDifferentiable: 'bits do not vary smoothly with the key',
  };
}

const WITHOUT_OPERANDS = 'it has no operands';

/** What makes tensors out of nothing or out of a key. */
export const sources: readonly OpRow[] = [
  { op: 'arange', cases: fixed(() => arange(5)), notDifferentiable: WITHOUT_OPERANDS },
  {
    op: 'arange',
    variant: 'with steps',
    cases: fixed(() => arange(3, -2, -0.75)),
    notDifferentiable: WITHOUT_OPERANDS,
  },
  { op: 'linspace', cases: fixed(() => linspace(-1, 2, 7)), notDifferentiable: WITHOUT_OPERANDS },
  { op: 'eye', cases: fixed(() => eye(3)), notDifferentiable: WITHOUT_OPERANDS },
  drawn('randomWords', (key) => randomWords(key, [3, 2])),
  drawn('split', (key) => split(key, 3)),
  drawn('splitKey', (key) => splitKey(key, 3)),
  drawn('foldIn', (key) => foldIn(key, 7)),
  drawn('uniform', (key) => uniform(key, [2, 3], -1, 3)),
  drawn('normal', (key) => normal(key, [5])),
  drawn('randomInt', (key) => randomInt(key, [7], -2, 5)),
  drawn('bernoulli', (key) => bernoulli(key, 0.3, [3, 3])),
  drawn('permutation', (key) => permutation(key, 6)),
  drawn('categorical', (key) => categorical(key, arange(8).reshape([4, 2]), { axis: 0 })),
];
