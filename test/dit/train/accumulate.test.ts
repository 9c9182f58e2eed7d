import { valueAndGrad } from '@tessera/autograd';
import {
  latentShape,
  Autoencoder,
  autoencoderLoss,
  compiledTrainStep,
  diffusionLoss,
  DiT,
  initialState,
  lossOfDraws,
  type Loss,
} from '@tessera/dit';
import { presetConfig } from '@tessera/dit/node';
import { key, normal, ones, tensor, tree, uniform, type Tensor } from '@tessera/tensor';
import { planProgram, recomputeAtPeak, simplify, trace, type Plan } from '@tessera/tensor/extend';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { accumulated } from '../../../packages/dit/src/train/accumulate.ts';

const config = presetConfig('smoke');

function batchOf(rows: number): {
  posterior: { mean: Tensor; logVariance: Tensor };
  labels: Tensor;
} {
  const mean = normal(key(1), latentShape(config.model, rows));
  const labels = tensor(Int32Array.from({ length: rows }, (_, i) => i % 10));
  return { posterior: { mean, logVariance: mean.mul(0.1) }, labels };
}

/** A DiT whose gates and decoder are not zero, so that every gradient flows. */
const dit: DiT = tree.map(
  (x) => (x.dtype === 'float32' ? x.add(normal(key(x.size), x.shape).mul(0.02)) : x),
  DiT.init({ ...config.model, depth: 2 }, key(2)),
);

/**
 * How far sums of floats may be apart that are added in another order, beside the largest of a tensor: each of
 * n additions rounds by 2⁻²⁴ of a sum, and errors of both signs grow like √n. The longest sums here have
 * n = 12 · 16 · 384 terms, so √n · 2⁻²⁴ = 1.6e-5; forward and backward pass together, a few times that.
 */
const ROUNDING = 1e-4;

/** The largest difference of two trees of tensors, each beside the largest element of its tensor. */
function distance(a: unknown, b: unknown): number {
  const others = tree.leaves(b);
  const each = tree.leaves(a).map((x, i) => {
    const [xs, ys] = [[...x.dataSync()], [...others[i].dataSync()]];
    const largest = xs.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-30);
    return xs.reduce((most, value, j) => Math.max(most, Math.abs(value - ys[j])), 0) / largest;
  });
  return Math.max(...each);
}

/** How far apart loss and gradient of a batch are, by `count` micro-batches and at once. */
function difference<M, B>(loss: Loss<M, B>, model: M, batch: B, count: number): number {
  const plain = valueAndGrad(loss)(model, batch, key(7));
  const summed = accumulated(loss, count)(model, batch, key(7));
  return distance(plain, summed);
}

/** The plan of a training step with micro-batches, on the smallest set of fused operations. */
function planOf(rows: number, accumulate: number): Plan {
  const loss = diffusionLoss(config, 1);
  const flat = tree.flatten([dit, batchOf(rows)] as const);
  const program = trace(
    (inputs) => {
      const [model, batch] = flat.unflatten(inputs);
      return tree.leaves(accumulated(loss, accumulate)(model, batch, key(7)));
    },
    flat.leaves,
    {
      composites: new Set(['attention', 'attentionGrad', 'layerNormStatistics', 'layerNormGrad']),
      capture: (x) => {
        if (x.value.kind !== 'stored') throw new Error('only tables are captured');
        return x.value.storage;
      },
    },
  );
  return planProgram(simplify(program), [], undefined, new Set(['matmul']), [recomputeAtPeak]);
}

describe('accumulate', () => {
  it.each([2, 3, 4, 12])('by %i gives the loss and the gradient of a DiT', (count) => {
    const apart = difference(diffusionLoss(config, 1), dit, batchOf(12), count);
    expect(apart).toBeLessThan(ROUNDING);
  });

  it.each([2, 4, 8])('by %i keeps a contrastive flow from the same samples', (count) => {
    const { diffusion, ...rest } = presetConfig('smoke', { objective: 'flow' });
    const contrastive = { ...rest, diffusion: { ...diffusion, contrastive: 0.5 } };
    const apart = difference(diffusionLoss(contrastive, 1), dit, batchOf(8), count);
    expect(apart).toBeLessThan(ROUNDING);
  });

  it('draws for micro-batches what it draws for the batch', () => {
    const batch = batchOf(6);
    const { draw, lossOf } = diffusionLoss(config, 1).parts ?? expect.fail('has no parts');
    const whole = draw(dit, batch, key(7));
    expect(diffusionLoss(config, 1)(dit, batch, key(7)).itemSync()).toBe(
      lossOf(dit, whole).itemSync(),
    );
    const seen: Tensor[] = [];
    const watched = lossOfDraws({
      draw,
      lossOf: (model: DiT, drawn) => {
        seen.push(...tree.leaves(drawn));
        return lossOf(model, drawn);
      },
    });
    accumulated(watched, 3)(dit, batch, key(7));
    tree.leaves(whole).forEach((x, i, { length }) => {
      const rows = [0, 1, 2].flatMap((part) => [...seen[part * length + i].dataSync()]);
      expect(rows).toEqual([...x.dataSync()]);
    });
  });

  it('gives loss and gradient of any mean over a batch', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 4 }), (count, rows) => {
        const loss = lossOfDraws({
          draw: (_w: Tensor, x: Tensor, random) => ({ x, noise: normal(random, x.shape) }),
          lossOf: (w, { x, noise }) =>
            x
              .matmul(w)
              .tanh()
              .sub(noise.sum(1, { keepDims: true }))
              .square()
              .mean(),
        });
        const x = normal(key(rows), [count * rows, 3]);
        expect(difference(loss, normal(key(count), [3, 2]), x, count)).toBeLessThan(ROUNDING);
      }),
    );
  });

  it('draws anew for each micro-batch where a loss draws as it goes', () => {
    const model = new Autoencoder({ channels: [2, 2], latentChannels: 2 }, key(0));
    const images = uniform(key(1), [4, 1, 8, 8], -1, 1);
    const loss = (m: Autoencoder, x: Tensor, random: Tensor): Tensor =>
      autoencoderLoss(m, x, random, 1e-4);
    const plain = valueAndGrad(loss)(model, images, key(7));
    const summed = accumulated(loss, 2)(model, images, key(7));
    expect(summed.value.itemSync()).not.toBe(plain.value.itemSync());
    const same = images.slice([[0, 2]]);
    const twice = accumulated((m: Autoencoder, x: Tensor) => loss(m, x, key(3)), 2);
    const once = valueAndGrad((m: Autoencoder) => loss(m, same, key(3)))(model);
    const doubled = tensor([...same.dataSync(), ...same.dataSync()], { shape: images.shape });
    expect(distance(twice(model, doubled, key(7)), once)).toBeLessThan(ROUNDING);
  });

  it('takes the same step compiled', async () => {
    const loss = diffusionLoss(config, 1);
    const losses = [1, 4].map(async (accumulate) => {
      const step = compiledTrainStep(loss, config.optimizer, 100, { accumulate });
      let state = initialState(dit, key(3));
      const found: number[] = [];
      for (let i = 0; i < 3; i++) {
        const [next, metrics] = step(state, batchOf(8));
        state = next;
        found.push(await metrics.loss.item(), await metrics.gradNorm.item());
      }
      return found;
    });
    const [plain, summed] = await Promise.all(losses);
    // AdamW's first steps have the size of the learning rate, whatever the gradient: rounding shows there.
    summed.forEach((value, i) => expect(value).toBeCloseTo(plain[i], 3));
  });

  it('needs about 1/n of the memory in between: forward passes wait for the backward pass before', () => {
    const gradients = tree.leaves(dit).reduce((sum, { size }) => sum + 4 * size, 0);
    const one = planOf(192, 1).arenaBytes;
    for (const count of [2, 4, 8]) {
      // Gradients are added in place: beside one set of them lie those of a part that wait to be added.
      expect(planOf(192, count).arenaBytes).toBeLessThan((1.1 * one) / count + 2 * gradients);
    }
  });

  it('says what does not divide', () => {
    const loss = (w: Tensor, x: Tensor): Tensor => w.mul(x).mean();
    const step = (accumulate: number) =>
      compiledTrainStep(loss, config.optimizer, 10, { accumulate });
    const state = initialState(ones([2]), key(0));
    expect(() => step(4)(state, ones([6, 2]))).toThrowErrorMatchingInlineSnapshot(
      `[ValueError: trainStep: accumulate: 4 does not divide the batch of 6. Choose a divisor of 6.]`,
    );
    expect(() => step(0)).toThrowErrorMatchingInlineSnapshot(
      `[ValueError: trainStep: accumulate must be a whole number of at least 1, but is 0.]`,
    );
    const uneven = compiledTrainStep(
      (w: Tensor, { a, b }: { a: Tensor; b: Tensor }) => w.mul(a).mean().add(b.mean()),
      config.optimizer,
      10,
      { accumulate: 2 },
    );
    expect(() =>
      uneven(state, { a: ones([4, 2]), b: ones([2]) }),
    ).toThrowErrorMatchingInlineSnapshot(
      `[ValueError: trainStep: accumulate: 2 cuts the batch along its first axis, so all its tensors need the same one, but they have 4, 2.]`,
    );
  });
});
