import { grad, stopGradient, valueAndGrad } from '@tessera/autograd';
import { adamw } from '@tessera/autograd/optim';
import {
  compile,
  concat,
  key,
  normal,
  ones,
  scalar,
  setDefaultBackend,
  split,
  tensor,
  uniform,
  wasmBackend,
  type Tensor,
} from '@tessera/tensor';
import {
  createDiffusion,
  createFlow,
  drawIntervals,
  meanFlowLosses,
  predictionTarget,
  randomNoise,
  sample,
  trainingLosses,
  type FlowMap,
} from '@tessera/dit';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/** Times `[B]` beside values `[B, 1]`. */
const column = (t: Tensor): Tensor => t.unsqueeze(1);

/**
 * The flow of data that are normal with variance a. At time t values have the variance
 * `s² = a (1 − t)² + t²`, and keep their share of it: x/s stays. So the average velocity from t to r is
 * `x (1 − s_r/s_t) / (t − r)`, written here without a division by t − r.
 */
function gaussianMap(a: number): FlowMap {
  const deviation = (t: Tensor): Tensor => t.neg().add(1).square().mul(a).add(t.square()).sqrt();
  return (x, t, r) => {
    const [s, e] = [deviation(t), deviation(r)];
    const slope = t
      .add(r)
      .mul(1 + a)
      .sub(2 * a);
    return x.mul(column(slope.div(s.mul(s.add(e)))));
  };
}

/** The velocity E[eps − xStart | x] of that flow. */
const gaussianVelocity = (a: number, x: Tensor, t: Tensor): Tensor =>
  x.mul(
    column(
      t
        .mul(1 + a)
        .sub(a)
        .div(t.neg().add(1).square().mul(a).add(t.square())),
    ),
  );

const variance = fc.double({ min: 0.1, max: 4, noNaN: true });
const moment = fc.double({ min: 0.05, max: 1, noNaN: true });
const value = fc.double({ min: -3, max: 3, noNaN: true });

describe('the flow map of a Gaussian', () => {
  it('has no loss and no gradient, wherever a step begins and ends', () => {
    fc.assert(
      fc.property(
        variance,
        moment,
        fc.double({ min: 0, max: 1, noNaN: true }),
        value,
        (a, t, share, x) => {
          const times = { t: tensor([t]), r: tensor([t * share]) };
          const batch = { x: tensor([[x]]), ...times };
          const velocity = gaussianVelocity(a, batch.x, times.t);
          const lossOf = (factor: Tensor): Tensor => {
            const map: FlowMap = (...at) => gaussianMap(a)(...at).mul(factor);
            return meanFlowLosses(map, { ...batch, velocity }).loss.sum();
          };
          // Velocities are below 30 and their derivatives below 1000: the square of some 1e-4 of roundings, over c.
          expect(lossOf(scalar(1)).itemSync()).toBeLessThan(1e-3);
          const size = Math.abs(velocity.itemSync());
          if (size < 0.1) return;
          const slope = Math.abs(grad(lossOf)(scalar(1)).itemSync());
          const off = Math.abs(grad(lossOf)(scalar(1.2)).itemSync());
          expect(slope).toBeLessThan(0.05 * Math.max(1, off));
        },
      ),
      { numRuns: 60 },
    );
  });

  it('is the velocity for a step without length', () => {
    const [x, t] = [tensor([[1], [-2], [0.5]]), tensor([0.2, 0.7, 1])];
    const found = gaussianMap(0.5)(x, t, t).dataSync();
    const expected = gaussianVelocity(0.5, x, t).dataSync();
    found.forEach((u, i) => expect(u).toBeCloseTo(expected[i], 5));
  });

  it('leads to the same data by any number of steps', () => {
    const noise = randomNoise(key(1), [8, 1]);
    const told = (t: Tensor): Tensor => t.div(1000);
    for (const steps of [1, 2, 4, 8]) {
      const flow = createFlow({ predicts: 'mean-flow', steps });
      const drawn = sample(
        flow,
        (x, t, _time, end = t) => gaussianMap(0.25)(x, told(t), told(end)),
        noise,
      );
      const expected = noise.xT.mul(0.5); // of variance 0.25
      expect(drawn.sub(expected).abs().max().itemSync(), `${steps} steps`).toBeLessThan(1e-5);
    }
  });
});

describe('meanFlowLosses', () => {
  const [x, t, r] = [
    normal(key(2), [5, 3]),
    tensor([0.9, 0.8, 0.7, 0.6, 0.5]),
    tensor([0, 0.1, 0.7, 0.2, 0.5]),
  ];
  const velocity = normal(key(3), [5, 3]);
  const curved =
    (w: Tensor): FlowMap =>
    (a, from, to) =>
      a
        .mul(column(from.add(to.mul(2))))
        .tanh()
        .mul(w);

  it('moves the map towards a target that stands still, by the weight 1/(e + c)', () => {
    const w = tensor([0.5, -1, 2]);
    const found = grad((v: Tensor) => meanFlowLosses(curved(v), { x, velocity, t, r }).loss.sum())(
      w,
    );
    const { mse } = meanFlowLosses(curved(w), { x, velocity, t, r });
    // Central differences of the map along (velocity, 1, 0) give the same derivative.
    const h = 1e-2;
    const along = (s: number): Tensor => curved(w)(x.add(velocity.mul(s)), t.add(s), r);
    const change = along(h)
      .sub(along(-h))
      .div(2 * h);
    const target = velocity.sub(change.mul(column(t.sub(r))));
    const weights = (mse as Tensor).add(0.01);
    const expected = grad((v: Tensor) =>
      curved(v)(x, t, r).sub(target).square().mean([1]).div(stopGradient(weights)).sum(),
    )(w);
    // Differences are off by h² times a third derivative, some 1e-3.
    found.dataSync().forEach((slope, i) => {
      expect(Math.abs(slope - expected.dataSync()[i])).toBeLessThan(2e-2);
    });
  });

  it('is the logarithm of the error, which is that of the velocity where a step has no length', () => {
    const { loss, mse } = meanFlowLosses(curved(ones([3])), { x, velocity, t, r });
    const plain = curved(ones([3]))(x, t, t)
      .sub(velocity)
      .square()
      .mean([1])
      .dataSync();
    const errors = (mse as Tensor).dataSync();
    for (const i of [2, 4]) expect(errors[i]).toBeCloseTo(plain[i], 5);
    loss.dataSync().forEach((each, i) => expect(each).toBeCloseTo(Math.log1p(errors[i] / 0.01), 4));
  });

  it('refuses what does not fit', () => {
    const batch = { x, velocity, t, r };
    const map = curved(ones([3]));
    expect(() =>
      meanFlowLosses(map, { ...batch, r: tensor([0]) }),
    ).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: meanFlowLosses: r is [1] for samples [5, 3]: expected one time for each sample.]`,
    );
    expect(() =>
      meanFlowLosses((a) => a.slice([null, [0, 2]]), batch),
    ).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: meanFlowLosses: x is [5, 3], the map gave [5, 2]: expected a velocity of the shape of x.]`,
    );
    const flow = createFlow({ predicts: 'mean-flow' });
    const noised = { xStart: x, t, eps: x };
    expect(() => trainingLosses(flow, (a) => a, noised)).toThrowErrorMatchingInlineSnapshot(
      `[ValueError: trainingLosses: the average velocity of a flow map is no target that data give. Use meanFlowLosses.]`,
    );
    expect(() => predictionTarget(flow, x, t, x)).toThrowErrorMatchingInlineSnapshot(
      `[ValueError: predictionTarget: the average velocity of a flow map is no target that data give. Use meanFlowLosses.]`,
    );
    expect(() => drawIntervals(createDiffusion(), key(0), 2)).toThrowErrorMatchingInlineSnapshot(
      `[ValueError: drawIntervals: a flow map goes along a flow, but the process has a noise schedule. Make one with createFlow(…).]`,
    );
    expect(() =>
      sample(flow, (a) => a, randomNoise(key(0), [1, 1]), { sampler: 'heun' }),
    ).toThrowErrorMatchingInlineSnapshot(
      `[ValueError: sampleSteps: a flow map has no sampler heun. Use euler.]`,
    );
  });
});

describe('drawIntervals', () => {
  it('draws ends before beginnings, and as many steps without length as asked', () => {
    const { t, r } = drawIntervals(createFlow(), key(4), 4000, { instantShare: 0.25 });
    expect(r.lessEqual(t).min().itemSync()).toBe(1);
    const instant = t.equal(r).cast('float32').mean().itemSync();
    // Five standard deviations of a share of 4000 draws.
    expect(Math.abs(instant - 0.25)).toBeLessThan(5 * Math.sqrt((0.25 * 0.75) / 4000));
    const all = drawIntervals(createFlow(), key(4), 50, { instantShare: 1 });
    expect(all.t.equal(all.r).min().itemSync()).toBe(1);
  });
});

describe('a map that learns a mixture in two dimensions', () => {
  beforeAll(() => setDefaultBackend(wasmBackend({ threads: 1 })));
  afterAll(() => setDefaultBackend(null));

  it('leads in one step where the flow leads in many', () => {
    const found = learned();
    // An untrained map leaves noise about where it is, and one step of the velocity leads to the mean of all data.
    expect(found.trained).toBeLessThan(found.untrained / 2);
    expect(found.trained).toBeLessThan(found.euler / 5);
  });
});

/** Four Gaussians of deviation 0.3 at (±1, ±1): their posterior mean of xStart, and so the velocity. */
function mixtureVelocity(x: Tensor, t: Tensor): Tensor {
  // Both coordinates are mixtures of their own, with means ±1 and the variance 0.09.
  const [signal, noise] = [column(t.neg().add(1)), column(t)];
  const spread = signal.square().mul(0.09).add(noise.square());
  const side = x.mul(signal).div(spread).tanh(); // E[sign | x]
  const off = x.sub(signal.mul(side));
  const xStart = side.add(off.mul(signal).mul(0.09).div(spread));
  const eps = off.mul(noise).div(spread);
  return eps.sub(xStart);
}

/** The weights of a perceptron with two hidden layers: columns of inputs first, biases last. */
type Layers = readonly (readonly [weight: Tensor, bias: Tensor])[];

const WIDTH = 48;

function initialLayers(random: Tensor): Layers {
  const sizes = [4, WIDTH, WIDTH, 2];
  return split(random, 3).map((each, i) => [
    normal(each, [sizes[i], sizes[i + 1]]).mul(i === 2 ? 0.01 : Math.sqrt(2 / sizes[i])),
    normal(each, [sizes[i + 1]]).mul(0.1),
  ]);
}

function perceptron(layers: Layers): FlowMap {
  return (x, t, r) =>
    layers.reduce(
      (y, [weight, bias], i) => {
        const z = y.matmul(weight).add(bias);
        return i === 2 ? z : z.mul(z.sigmoid());
      },
      concat([x, column(t), column(r)], 1),
    );
}

/** How far one step ends from where the flow leads, as a root of a mean square: of maps, and of the velocity. */
function learned(): { untrained: number; trained: number; euler: number } {
  const flow = createFlow();
  const optimizer = adamw({ weightDecay: 0 });
  const lossAndGrad = valueAndGrad((layers: Layers, random: Tensor) => {
    const [dataKey, sideKey, noiseKey, timeKey] = split(random, 4);
    const sides = uniform(sideKey, [256, 2]).less(0.5).where(1, -1);
    const xStart = normal(dataKey, [256, 2]).mul(0.3).add(sides);
    const { t, r } = drawIntervals(flow, timeKey, 256);
    const x = xStart.mul(column(t.neg().add(1))).add(normal(noiseKey, [256, 2]).mul(column(t)));
    const velocity = mixtureVelocity(x, t);
    return meanFlowLosses(perceptron(layers), { x, velocity, t, r }).loss.mean();
  });
  type State = readonly [layers: Layers, state: ReturnType<typeof optimizer.init>, key: Tensor];
  const step = compile(
    ([layers, state, random]: State): State => {
      const [next, now] = split(random);
      const { grads } = lossAndGrad(layers, now);
      const { params, state: moved } = optimizer.update(grads, state, layers, {
        learningRate: 4e-3,
      });
      return [params, moved, next];
    },
    { donate: [0] },
  );
  const noise = randomNoise(key(7), [500, 2]);
  const exact = sample(
    createFlow({ steps: 60 }),
    (x, t) => mixtureVelocity(x, t.div(1000)),
    noise,
    { sampler: 'heun' },
  );
  const one = createFlow({ predicts: 'mean-flow', steps: 1 });
  const distance = (map: FlowMap): number => {
    const drawn = sample(one, (x, t, _time, end = t) => map(x, t.div(1000), end.div(1000)), noise);
    return drawn.sub(exact).square().mean().sqrt().itemSync();
  };
  const start = initialLayers(key(5));
  const untrained = distance(perceptron(start));
  let state: State = [start, optimizer.init(start), key(6)];
  for (let i = 0; i < 600; i++) state = step(state);
  return {
    untrained,
    trained: distance(perceptron(state[0])),
    euler: distance(mixtureVelocity),
  };
}
