import { floats, shapes, views } from '@tessera/autograd/testing';
import { where, type Tensor } from '@tessera/tensor';
import { apply, primitives } from '@tessera/tensor/extend';
import fc from 'fast-check';
import { binary, bools, compared, ids, shaped, unary } from '../arbitraries.ts';
import type { OpName, OpRow } from '../row.ts';

const TRUTH = 'the result is bool';
const STEPS = 'piecewise constant: the gradient is 0 wherever it exists';

/** A comparison of two tensors. */
function compare(op: OpName, f: (a: Tensor, b: Tensor) => Tensor): OpRow[] {
  return [
    { op, cases: compared(f), notDifferentiable: TRUTH },
    { op, variant: 'of whole numbers', cases: binary(f, ids(3)), notDifferentiable: TRUTH },
  ];
}

/** What compares, what chooses by it, and what changes the dtype. */
export const comparisons: readonly OpRow[] = [
  ...compare('less', (a, b) => a.less(b)),
  ...compare('lessEqual', (a, b) => a.lessEqual(b)),
  ...compare('greater', (a, b) => a.greater(b)),
  ...compare('greaterEqual', (a, b) => a.greaterEqual(b)),
  ...compare('equal', (a, b) => a.equal(b)),
  ...compare('notEqual', (a, b) => a.notEqual(b)),
  { op: 'and', cases: binary((a, b) => a.and(b), bools), notDifferentiable: TRUTH },
  { op: 'or', cases: binary((a, b) => a.or(b), bools), notDifferentiable: TRUTH },
  { op: 'not', cases: unary((x) => x.not(), bools), notDifferentiable: TRUTH },
  {
    op: 'where',
    cases: (minSize) =>
      fc.tuple(shapes({ minSize }), views).chain(([shape, view]) =>
        fc.tuple(bools(shape), floats(shape), floats(shape)).map((inputs) => ({
          f: (mask: Tensor, a: Tensor, b: Tensor) =>
            where(view(mask), view(a).square(), view(b).sin()),
          inputs,
        })),
      ),
    golden: { where: ([condition, a, b]) => where(condition, a, b) },
  },
  {
    op: 'where',
    variant: 'of shapes that broadcast',
    cases: shaped(
      (mask, a, b) => where(mask, a, b).square(),
      [[3, 1, 4], [2, 4], [3, 2, 1]], // prettier-ignore
      [bools, floats, floats],
    ),
  },
  { op: 'floor', cases: unary((x) => x.floor()), notDifferentiable: STEPS },
  {
    op: 'cast',
    cases: unary((x) => apply(primitives.cast, [x], { dtype: 'float32' })[0].square()),
  },
  {
    op: 'cast',
    variant: 'to int32 and back',
    cases: unary((x) => x.mul(3).cast('int32').cast('float32')),
    notDifferentiable: STEPS,
  },
  { op: 'cast', variant: 'to bool', cases: unary((x) => x.cast('bool')), notDifferentiable: TRUTH },
  {
    op: 'cast',
    variant: 'of bools',
    cases: unary((x) => x.cast('float32'), bools),
    notDifferentiable: 'the operand is bool',
  },
];
