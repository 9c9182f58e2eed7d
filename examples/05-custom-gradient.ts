// A function with a gradient of its own, checked against finite differences.

import { tensor, type Tensor } from '@tessera/tensor';
import { customVjp, grad, gradcheck, GradcheckError } from '@tessera/autograd';

// ln cosh x, a smooth |x|. Written down like this, cosh overflows from x = 89 on.
const naive = (x: Tensor): Tensor => x.exp().add(x.neg().exp()).mul(0.5).log();

// The derivative is tanh x, which never overflows. The value can be had without overflow too.
const logCosh = customVjp(
  (x: Tensor) => {
    const size = x.abs();
    return size.add(size.mul(-2).exp().add(1).log()).sub(Math.LN2);
  },
  (ȳ, { primals: [x] }) => [ȳ.mul(x.tanh())],
  { name: 'logCosh', formula: 'x̄ = ȳ·tanh x' },
);

const x = tensor([0, 1, 100]);
const slopes = (f: (x: Tensor) => Tensor): Tensor => grad((at: Tensor) => f(at).sum())(x);
const digits = async (y: Tensor): Promise<string> =>
  Array.from(await y.data(), (value) => value.toFixed(4)).join('  ');
console.log('naive    ', await digits(naive(x)), '| gradient', await digits(slopes(naive)));
console.log('logCosh  ', await digits(logCosh(x)), '| gradient', await digits(slopes(logCosh)));

// The rule is made of tensor methods, so it has a gradient too: order 2 checks that as well.
const points = tensor([-1.5, -0.3, 0.4, 2]);
const { worst } = await gradcheck(logCosh, [points], { order: 2 });
console.log(`checked: deviations reach ${(100 * worst).toFixed(0)} % of what is accepted`);

// A rule with a mistake in it, and what the check says.
const wrong = customVjp(
  (at: Tensor) => logCosh(at),
  (ȳ, { primals: [at] }) => [ȳ.mul(at.sigmoid())],
);
try {
  await gradcheck(wrong, [points]);
} catch (error) {
  if (!(error instanceof GradcheckError)) throw error;
  const { index, analytic, numeric } = error.worst;
  console.log(
    `refused: at x[${index}] the rule gives ${analytic.toFixed(3)}, differences ${numeric.toFixed(3)}`,
  );
}

// A gradient that is wrong on purpose: rounding has slope 0 almost everywhere, so networks with
// rounded weights pass the cotangent straight through (Bengio et al. 2013).
const round = customVjp(
  (at: Tensor) => at.add(0.5).floor(),
  (ȳ) => [ȳ],
);
console.log(
  'rounded  ',
  await digits(round(points)),
  '| gradient',
  await digits(grad((at: Tensor) => round(at).square().sum())(points)),
);
