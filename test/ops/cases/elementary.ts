import { spacedFloats } from '@tessera/autograd/testing';
import {
  acos,
  acosh,
  asin,
  asinh,
  atan,
  atan2,
  atanh,
  ceil,
  cosh,
  floorDivide,
  mod,
  round,
  sign,
  sinh,
  tan,
  tensor,
  type Tensor,
} from '@tessera/tensor';
import { binary as goldenBinary, unary as goldenUnary } from '../../golden/golden-op.ts';
import { binary, fixed, unary, within, type Elements } from '../arbitraries.ts';
import type { OpName, OpRow } from '../row.ts';

const STEPS = 'piecewise constant';

function map(op: OpName, f: (x: Tensor) => Tensor, elements?: Elements): OpRow {
  return { op, cases: unary(f, elements), golden: { [op]: goldenUnary(f) } };
}

function step(op: OpName, f: (x: Tensor) => Tensor): OpRow {
  return { ...map(op, f, spacedFloats), notDifferentiable: STEPS };
}

/** Angles, hyperbolas, whole numbers and remainders. */
export const elementary: readonly OpRow[] = [
  map('tan', tan, within({ min: -1.2, max: 1.2 })),
  map('asin', asin, within({ min: -0.8, max: 0.8 })),
  map('acos', acos, within({ min: -0.8, max: 0.8 })),
  map('atan', atan),
  map('sinh', sinh),
  map('cosh', cosh),
  map('asinh', asinh),
  map('acosh', acosh, within({ min: 1.5 })),
  map('atanh', atanh, within({ min: -0.8, max: 0.8 })),
  {
    op: 'atan2',
    cases: binary((a, b) => atan2(a, b), within({ min: 0.5 })),
    golden: { atan2: goldenBinary(atan2) },
  },
  {
    op: 'atan2',
    variant: 'around the origin',
    cases: fixed(
      (a, b) => atan2(a, b),
      tensor([1, 2, -1, -0.5, 3, -1, 0.2, -0.1]),
      tensor([2, -1, 0.3, -1, 0.5, 2, -3, -0.2]),
    ),
  },
  step('round', round),
  step('ceil', ceil),
  step('sign', sign),
  {
    op: 'mod',
    cases: fixed(
      (a, b) => mod(a, b).square(),
      tensor([5.3, -5.3, 5.3, -5.3, 0.4, 9.1]),
      tensor([2, 2, -2, -2, 3, 2]),
    ),
    golden: { remainder: goldenBinary(mod) },
  },
  {
    op: 'mod',
    variant: 'of int32',
    cases: fixed(
      (a, b) => mod(a, b),
      tensor([7, -7, 7, -7, 2 ** 31 - 1, -(2 ** 31), 5, -123456789], { dtype: 'int32' }),
      tensor([2, 2, -2, -2, -5, -1, 0, 1000003], { dtype: 'int32' }),
    ),
    notDifferentiable: 'the result is int32',
  },
  {
    op: 'floorDivide',
    cases: fixed(
      (a, b) => floorDivide(a, b),
      tensor([5.3, -5.3, 5.3, -5.3, 0.4, 1]),
      tensor([2, 2, -2, -2, 3, 0]),
    ),
    notDifferentiable: STEPS,
    golden: { floor_divide: goldenBinary(floorDivide) },
  },
  {
    op: 'floorDivide',
    variant: 'of int32',
    cases: fixed(
      (a, b) => floorDivide(a, b),
      tensor([7, -7, 7, -7, 2 ** 31 - 1, 5, -123456789], { dtype: 'int32' }),
      tensor([2, 2, -2, -2, -5, 0, 1000003], { dtype: 'int32' }),
    ),
    notDifferentiable: 'the result is int32',
  },
];
