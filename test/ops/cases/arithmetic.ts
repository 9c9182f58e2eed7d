import { spacedFloats } from '@tessera/autograd/testing';
import {
  clamp,
  expm1,
  gelu,
  geluErf,
  key,
  log1p,
  normal,
  silu,
  softplus,
  tensor,
  type Tensor,
} from '@tessera/tensor';
import { binary as goldenBinary, unary as goldenUnary } from '../../golden/golden-op.ts';
import { binary, compared, fixed, unary, within, type Elements } from '../arbitraries.ts';
import type { OpBenchmark, OpName, OpRow } from '../row.ts';

const positive = within({ min: 0.5 });
const awayFromZero: Elements = spacedFloats;

/** A function of one tensor; golden data calls it `golden`, or not at all. */
function map(
  op: OpName,
  f: (x: Tensor) => Tensor,
  elements?: Elements,
  golden: string | null = op,
): OpRow {
  const names = golden === null ? {} : { golden: { [golden]: goldenUnary(f) } };
  return { op, cases: unary(f, elements), ...names };
}

/** A function of two tensors that broadcast. */
function combine(op: OpName, f: (a: Tensor, b: Tensor) => Tensor, elements?: Elements): OpRow {
  return { op, cases: binary(f, elements), golden: { [op]: goldenBinary(f) } };
}

const wide = (f: (x: Tensor) => Tensor): readonly OpBenchmark[] => [
  { sizes: '3136×512', f, inputs: () => [normal(key(1), [3136, 512])] },
];

/** Maps of elements. Linear functions are squared, so that their second derivative is not just 0. */
export const arithmetic: readonly OpRow[] = [
  map('neg', (x) => x.neg()),
  map('exp', (x) => x.exp()),
  map('log', (x) => x.log(), positive),
  map('sqrt', (x) => x.sqrt(), positive),
  map('rsqrt', (x) => x.rsqrt(), positive),
  map('reciprocal', (x) => x.reciprocal(), positive),
  map('square', (x) => x.square()),
  map('sin', (x) => x.sin()),
  map('cos', (x) => x.cos()),
  map('tanh', (x) => x.tanh()),
  map('sigmoid', (x) => x.sigmoid()),
  map('erf', (x) => x.erf()),
  map('abs', (x) => x.abs(), awayFromZero),
  map('relu', (x) => x.relu(), awayFromZero),
  map('expm1', expm1),
  map('log1p', log1p, within({ min: -0.5 })),
  map('softplus', softplus),
  map('silu', silu),
  { ...map('gelu', gelu, undefined, 'gelu_tanh'), benchmarks: wide(gelu) },
  map('geluErf', geluErf, undefined, 'gelu_erf'),

  combine('add', (a, b) => a.add(b)),
  combine('sub', (a, b) => a.sub(b)),
  combine('mul', (a, b) => a.mul(b)),
  combine('div', (a, b) => a.div(b), positive),
  combine('pow', (a, b) => a.pow(b), positive),
  {
    op: 'pow',
    variant: 'of a number',
    cases: unary((x) => x.pow(3).add(x.pow(2)).add(x.square().add(1).pow(-0.5))),
    golden: { pow_scalar: ([x], attributes) => x.pow(attributes.number('exponent')) },
  },
  {
    op: 'maximum',
    cases: compared((a, b) => a.maximum(b).square()),
    golden: { maximum: goldenBinary((a, b) => a.maximum(b)) },
  },
  {
    op: 'minimum',
    cases: compared((a, b) => a.minimum(b).square()),
    golden: { minimum: goldenBinary((a, b) => a.minimum(b)) },
  },
  {
    op: 'clamp',
    cases: unary((x) => clamp(x, -0.5, 0.7).square(), spacedFloats),
    golden: {
      clamp: ([x], attributes) =>
        clamp(x, attributes.optionalNumber('min'), attributes.optionalNumber('max')),
    },
  },
  {
    op: 'clamp',
    variant: 'to tensors',
    cases: fixed(
      (x, low, high) => clamp(x, low, high).square(),
      tensor([-2, 0.2, 3, -1]),
      tensor([-1, -1, 0.5, 0.3]),
      tensor([[1], [1.5]]),
    ),
  },
];
