/** Derivatives where the parts of a formula have kinks, zeros or infinities and the function has none. */
import { grad, vjp } from '@tessera/autograd';
import {
  BatchNorm2d,
  bceWithLogits,
  crossEntropy,
  klDiv,
  mseLoss,
  smoothL1,
  type Reduction,
} from '@tessera/autograd/nn';
import { clipByGlobalNorm, emaUpdate, globalNorm } from '@tessera/autograd/optim';
import {
  attention,
  batchNorm,
  clamp,
  compile,
  expm1,
  gelu,
  geluErf,
  groupNorm,
  layerNorm,
  log1p,
  logSoftmax,
  logSumExp,
  ones,
  rmsNorm,
  scalar,
  silu,
  softmax,
  softplus,
  tensor,
  zeros,
  type Tensor,
} from '@tessera/tensor';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

type Map = (x: Tensor) => Tensor;

const derivative =
  (f: Map): Map =>
  (x) =>
    grad((y: Tensor) => f(y).sum())(x);

/** Functions that are smooth everywhere, whatever they are made of: elementwise, `[B] → [B]`. */
const smooth: readonly (readonly [string, Map])[] = [
  ['softplus', softplus],
  ['bceWithLogits, target 0', (x) => bceWithLogits(x, zeros(x.shape), { reduction: 'none' })],
  ['bceWithLogits, target 1', (x) => bceWithLogits(x, ones(x.shape), { reduction: 'none' })],
  [
    'bceWithLogits, target ½',
    (x) => bceWithLogits(x, ones(x.shape).mul(0.5), { reduction: 'none' }),
  ],
  ['silu', silu],
  ['gelu', gelu],
  ['geluErf', geluErf],
  ['sigmoid', (x) => x.sigmoid()],
  ['tanh', (x) => x.tanh()],
  ['erf', (x) => x.erf()],
  ['expm1 of tanh', (x) => expm1(x.tanh().mul(2))],
  ['log1p of tanh', (x) => log1p(x.tanh().mul(0.7))],
  ['square', (x) => x.tanh().square()],
  ['pow 2', (x) => x.tanh().pow(2)],
  ['pow 3', (x) => x.tanh().pow(3)],
  ['sin', (x) => x.sin()],
  ['clamp far off', (x) => clamp(x.tanh(), -2, 2)],
  ['logSumExp of ties', (x) => logSumExp(withOthers(x))],
  ['logSoftmax of ties', (x) => logSoftmax(withOthers(x)).select(1, 0)],
  ['softmax of ties', (x) => softmax(withOthers(x)).select(1, 1)],
  [
    'crossEntropy',
    (x) => crossEntropy(withOthers(x), zeros(x.shape, 'int32'), { reduction: 'none' }),
  ],
  ['layerNorm', (x) => layerNorm(withOthers(x), { eps: 1 }).select(1, 0)],
  ['rmsNorm', (x) => rmsNorm(x.tanh().unsqueeze(1), { eps: 1 }).squeeze(1)],
  ['groupNorm', (x) => groupNorm(withOthers(x), 1, { eps: 1 }).select(1, 0)],
  ['attention', (x) => attention(withOthers(x).unsqueeze(1), withOthers(x).unsqueeze(1), withOthers(x).unsqueeze(1)).select(1, 0).select(1, 0)], // prettier-ignore
  ['mseLoss', (x) => mseLoss(x.tanh(), zeros(x.shape), { reduction: 'none' })],
];

/** `[B] → [B, 3]`: x beside 0 and −x·½, so that all are equal at 0. */
function withOthers(x: Tensor): Tensor {
  const y = x.tanh().mul(2).unsqueeze(1);
  return y.mul(tensor([1, 0, -0.5]));
}

/** Zero, the borders between formulas and what lies beside them. */
const places = [0, 1e-6, -1e-6, 0.2, -0.2, 0.4, -0.4, 0.55, -0.65, 1, -1, 2.5, -2.5];
const STEP = 2 ** -7;

describe('derivatives of orders 1 to 3 are differences of the order below', () => {
  it.each(smooth)('%s', (_name, f) => {
    let [lower, order] = [f, 1];
    for (; order <= 3; order++) {
      const upper = derivative(lower);
      const at = (shift: number): number[] => Array.from(lower(tensor(places.map((x) => x + shift))).dataSync()); // prettier-ignore
      const [right, left] = [at(STEP), at(-STEP)];
      // The difference of a smooth function is off by h²/6 of two orders more, and by its rounding / h.
      Array.from(upper(tensor(places)).dataSync()).forEach((got, i) => {
        const wanted = (right[i] - left[i]) / (2 * STEP);
        expect(Math.abs(got - wanted), `order ${order} at ${places[i]}: ${got}, not ${wanted}`).toBeLessThan(2e-3 * Math.max(1, Math.abs(wanted))); // prettier-ignore
      });
      lower = upper;
    }
  });

  it.each(smooth)('%s: finite wherever x is huge', (_name, f) => {
    const far = tensor([1e4, -1e4, 1e20, -1e20, 3e38, -3e38]);
    let each = f;
    for (let order = 1; order <= 3; order++) {
      each = derivative(each);
      expect(Array.from(each(far).dataSync()).filter((x) => !Number.isFinite(x))).toEqual([]);
    }
  });

  it('gates have slope 0 and 1 at infinity', () => {
    for (const f of [silu, gelu, geluErf, softplus]) {
      expect(derivative(f)(tensor([-Infinity, Infinity])).toArraySync()).toEqual([0, 1]);
      expect(derivative(derivative(f))(tensor([-Infinity, Infinity])).toArraySync()).toEqual([
        0, 0,
      ]);
    }
  });

  it('softplus bends by σ(x)·σ(−x), and so does the cross-entropy of a zero logit', () => {
    expect(derivative(derivative(softplus))(zeros([1])).toArraySync()).toEqual([0.25]);
    const loss = (x: Tensor): Tensor => bceWithLogits(x, tensor([0, 1, 0.5]), { reduction: 'sum' });
    expect(compile(derivative(derivative(loss)))(zeros([3])).toArraySync()).toEqual([
      0.25, 0.25, 0.25,
    ]);
  });
});

describe('powers', () => {
  it('have derivatives at 0, at 1 and at infinity', () => {
    const power = (a: number[], b: number[]): number[][] =>
      vjp((x: Tensor, y: Tensor) => x.pow(y), tensor(a), tensor(b))
        .pullback(ones([a.length]))
        .map((each) => Array.from(each.dataSync()));
    const [toBase, toExponent] = power([0, 0, 0, 0, 1, Infinity, Infinity], [1, 2, 0, 3, 5, 1, 0]);
    expect(toBase).toEqual([1, 0, 0, 0, 5, 1, 0]);
    expect(toExponent.slice(0, 5)).toEqual([0, 0, 0, 0, 0]);
    const second = derivative(derivative((x) => x.pow(2)));
    expect(second(tensor([0, 1])).toArraySync()).toEqual([2, 2]);
  });
});

describe('what is left out of a loss', () => {
  it('klDiv: a target of 0 adds nothing, whatever was predicted', () => {
    expect(
      klDiv(tensor([[-0.5, -1]]), tensor([[0, -Infinity]]), { logTarget: true }).itemSync(),
    ).toBe(0.5);
    for (const absent of [-Infinity, -7, NaN]) {
      const toTarget = grad((q: Tensor) => klDiv(tensor([[-0.5, absent, -1]]), q))(tensor([[0.6, 0, 0.4]])); // prettier-ignore
      expect(toTarget.dataSync()[1]).toBe(0);
      expect(Math.abs(toTarget.dataSync()[0] - 0.98917)).toBeLessThan(1e-4);
      const toPrediction = grad((x: Tensor) => klDiv(x, tensor([[0.6, 0, 0.4]])))(tensor([[-0.5, absent, -1]])); // prettier-ignore
      expect(toPrediction.toArraySync()).toEqual([[Math.fround(-0.6), 0, Math.fround(-0.4)]]);
      const logTarget = tensor([[0, -Infinity]]);
      const f = (x: Tensor, q: Tensor): Tensor => klDiv(x, q, { logTarget: true });
      const both = vjp(f, tensor([[-0.5, absent]]), logTarget).pullback(scalar(1));
      expect(both.map((each) => each.dataSync()[1])).toEqual([0, 0]);
    }
    expect(klDiv(tensor([[-1]]), tensor([[NaN]])).itemSync()).toBeNaN();
  });

  it('smoothL1: the parabola does not reach what is infinitely far off', () => {
    const loss = (y: Tensor): Tensor => smoothL1(y, zeros([4]), { reduction: 'sum' });
    const x = tensor([Infinity, -Infinity, 1e30, 0.5]);
    expect(grad(loss)(x).toArraySync()).toEqual([1, -1, 1, 0.5]);
    const plain = (y: Tensor): Tensor => smoothL1(y, zeros([2]), { reduction: 'sum', beta: 0 });
    expect(grad(plain)(tensor([0, Infinity])).toArraySync()).toEqual([0, 1]);
  });

  it('bceWithLogits: a sure logit that is right costs nothing', () => {
    const [x, t] = [tensor([Infinity, -Infinity, 3]), tensor([1, 0, 1])];
    const f = (y: Tensor, q: Tensor): Tensor => bceWithLogits(y, q, { reduction: 'none' });
    const losses = f(x, t).dataSync();
    expect([losses[0], losses[1]]).toEqual([0, 0]);
    const gradients = vjp(f, x, t).pullback(ones([3]));
    expect(gradients.flatMap((each) => Array.from(each.dataSync())).every(Number.isFinite)).toBe(
      true,
    );
    expect(f(tensor([Infinity]), tensor([0])).toArraySync()).toEqual([Infinity]);
  });

  it('crossEntropy: impossible classes and ignored samples pass nothing', () => {
    const logits = tensor([[0, -Infinity, 0], [0, 0, -Infinity]]); // prettier-ignore
    const probabilities = tensor([[1, 0, 0], [0.5, 0.5, 0]]); // prettier-ignore
    const f = (x: Tensor): Tensor => crossEntropy(x, probabilities, { reduction: 'sum' });
    expect(f(logits).itemSync()).toBeCloseTo(2 * Math.LN2, 5);
    expect(grad(f)(logits).toArraySync()).toEqual([[-0.5, 0, 0.5], [0, 0, 0]]); // prettier-ignore
    const padded = tensor([[0, 0, 0], [-Infinity, -Infinity, -Infinity], [NaN, 0, 0]]); // prettier-ignore
    const ids = tensor([2, -100, -100], { dtype: 'int32' });
    const g = (x: Tensor): Tensor => crossEntropy(x, ids, { ignoreIndex: -100 });
    expect(g(padded).itemSync()).toBeCloseTo(Math.log(3), 5);
    expect(grad(g)(padded).slice([[1, null]]).toArraySync()).toEqual([[0, 0, 0], [0, 0, 0]]); // prettier-ignore
  });

  it('logSumExp: beside ∞ no other element counts', () => {
    const gradient = grad((x: Tensor) => logSumExp(x));
    expect(gradient(tensor([Infinity, 0, 1000])).toArraySync()).toEqual([NaN, 0, 0]);
    expect(gradient(tensor([-Infinity, 0, 0])).toArraySync()).toEqual([0, 0.5, 0.5]);
  });

  it('clamp: NaN passes no gradient', () => {
    const x = tensor([NaN, 0.5, 2, 0, 1]);
    expect(derivative((y) => clamp(y, 0, 1))(x).toArraySync()).toEqual([0, 1, 0, 1, 1]);
    expect(derivative((y) => clamp(y, tensor([NaN]), null))(x).toArraySync()).toEqual([
      0, 0, 0, 0, 0,
    ]);
  });

  it.each<Reduction>(['mean', 'sum', 'none'])(
    'the %s of no losses is as in PyTorch',
    (reduction) => {
      const loss = mseLoss(zeros([0, 2]), zeros([0, 2]), { reduction });
      expect(loss.toArraySync()).toEqual({ mean: NaN, sum: 0, none: [] }[reduction]);
    },
  );
});

describe('global norms', () => {
  it('have the gradient 0 at 0, where clipping is the identity', () => {
    expect(grad((x: Tensor) => globalNorm([x]))(zeros([2])).toArraySync()).toEqual([0, 0]);
    const clip = (x: Tensor): Tensor => clipByGlobalNorm([x], 1).grads[0];
    expect(derivative(clip)(zeros([3])).toArraySync()).toEqual([1, 1, 1]);
    expect(compile(derivative(clip))(zeros([3])).toArraySync()).toEqual([1, 1, 1]);
  });

  const exponents = fc.integer({ min: -126, max: 120 });

  it('are those of any power of two of the vector, bit for bit', () => {
    fc.assert(
      fc.property(
        exponents,
        fc.array(fc.integer({ min: -99, max: 99 }), { minLength: 1, maxLength: 40 }),
        (e, x) => {
          // prettier-ignore
          const plain = globalNorm([tensor(x)]).itemSync();
          const grown = tensor(x).mul(2 ** e);
          expect(globalNorm([grown]).itemSync()).toBe(Math.fround(plain * 2 ** e));
          const { grads, norm } = compile((g: Tensor) => clipByGlobalNorm([g], 2 ** e))(grown);
          expect(norm.itemSync()).toBe(Math.fround(plain * 2 ** e));
          if (e < 0) return; // there 1e-6 counts
          const unit = Math.hypot(...Array.from(grads[0].dataSync(), (each) => each / 2 ** e));
          expect(Math.abs(unit - Math.min(1, plain))).toBeLessThan(1e-5);
        },
      ),
    );
  });

  it('are infinite only where no float32 holds them, or an element is', () => {
    expect(globalNorm([tensor([3e20, 4e20])]).itemSync()).toBe(Math.fround(5e20));
    expect(globalNorm([]).itemSync()).toBe(0);
    expect(globalNorm([zeros([0])]).itemSync()).toBe(0);
    const { grads, norm } = clipByGlobalNorm([tensor([3e38, -3e38])], 1);
    expect(norm.itemSync()).toBe(Infinity);
    expect(Math.abs(grads[0].dataSync()[1] + Math.SQRT1_2)).toBeLessThan(1e-6);
    const [infinite, nan] = [Infinity, NaN].map((x) => clipByGlobalNorm([tensor([x, 1])], 1));
    expect([infinite.norm, nan.norm].map((each) => each.itemSync())).toEqual([Infinity, NaN]);
    expect(infinite.grads[0].toArraySync()).toEqual([NaN, 0]);
    expect(nan.grads[0].toArraySync()).toEqual([NaN, NaN]);
  });
});

describe('moving averages', () => {
  const numbers = fc.constantFrom(0, 1, -1, 1e8, -3e38, 3e38, 1e-40, 0.1);

  it('are exact at both ends, stay where both are equal, and do not overflow', () => {
    fc.assert(
      fc.property(numbers, numbers, fc.double({ min: 0, max: 1, noNaN: true }), (e, p, d) => {
        for (const decay of [(x: number) => x, (x: number) => scalar(x)]) {
          const mixed = (a: number, b: number, x: number): number => emaUpdate(tensor([a]), tensor([b]), decay(x)).dataSync()[0]; // prettier-ignore
          expect(mixed(e, p, 0)).toBe(Math.fround(p));
          expect(mixed(e, p, 1)).toBe(Math.fround(e));
          expect(mixed(p, p, d)).toBe(Math.fround(p));
          const wanted = d * Math.fround(e) + (1 - d) * Math.fround(p);
          const scale = Math.max(Math.abs(e), Math.abs(p), 1e-30);
          expect(Math.abs(mixed(e, p, d) - wanted) / scale).toBeLessThan(3e-7);
        }
      }),
    );
  });

  it('of a batch move by exactly nothing, or all the way', () => {
    const running = { mean: tensor([3]), variance: tensor([5]) };
    const x = tensor([[Infinity], [1]]);
    const still = batchNorm(x, running, { training: true, momentum: 0 }).running;
    expect([still.mean, still.variance].map((each) => each.itemSync())).toEqual([3, 5]);
    const moved = batchNorm(tensor([[1], [3]]), { mean: tensor([NaN]), variance: tensor([NaN]) }, { training: true, momentum: 1 }).running; // prettier-ignore
    expect([moved.mean, moved.variance].map((each) => each.itemSync())).toEqual([2, 2]);
  });

  it('refuse a batch of nothing, as one of a single value', () => {
    const norm = new BatchNorm2d(2);
    expect(() => norm.train(zeros([0, 2, 3, 3]))).toThrow(/no value per channel/);
    expect(() => norm.train(zeros([1, 2, 1, 1]))).toThrow(/a single value per channel/);
    expect(norm.forward(zeros([0, 2, 3, 3])).shape).toEqual([0, 2, 3, 3]);
  });
});
