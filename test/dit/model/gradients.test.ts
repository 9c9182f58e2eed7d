import { describe, expect, it, test } from 'vitest';
import { key, normal, tree, type Tensor } from '@tessera/tensor';
import { valueAndGrad } from '@tessera/autograd';
import { mseLoss, namedParameters } from '@tessera/autograd/nn';
import { DiT } from '@tessera/dit';
import { DESIGNS } from '../../../packages/dit/src/config/choices.ts';
import { randomInputs, randomModel, TINY } from './sizes.ts';

const { x, t, y } = randomInputs(TINY, 4, key(1));
const target = normal(key(2), x.shape);
const lossAndGrad = valueAndGrad((model: DiT) => mseLoss(model.forward(x, t, y), target));
const largest = (values: Tensor): number => values.abs().max().itemSync();

describe('the gradient staircase of a zero-initialised adaLN-Zero model', () => {
  /** Names of the tensors whose gradient is not zero, after as many steps of gradient descent. */
  function gradientsAfter(steps: number): ReadonlyMap<string, Tensor> {
    let model = DiT.init(TINY, key(0));
    for (let n = 0; n < steps; n++) {
      const { grads } = lossAndGrad(model);
      model = tree.map((p, g) => p.sub(g.mul(0.5)), model, grads);
    }
    const named = namedParameters(lossAndGrad(model).grads);
    return new Map(named.filter(([, gradient]) => largest(gradient) > 0));
  }

  it('reaches the decoder alone in step 1', () => {
    expect([...gradientsAfter(0).keys()]).toEqual([
      'final_layer.linear.weight',
      'final_layer.linear.bias',
    ]);
  });

  it('reaches the patch embedding, the last modulation and the gates in step 2', () => {
    const gradients = gradientsAfter(1);
    const modulation = (prefix: string): string[] => [
      `${prefix}.adaLN_modulation.1.weight`,
      `${prefix}.adaLN_modulation.1.bias`,
    ];
    expect([...gradients.keys()]).toEqual([
      'x_embedder.proj.weight',
      'x_embedder.proj.bias',
      ...modulation('blocks.0'),
      ...modulation('blocks.1'),
      'final_layer.linear.weight',
      'final_layer.linear.bias',
      ...modulation('final_layer'),
    ]);
    for (const block of ['blocks.0', 'blocks.1']) {
      const rows = gradients.get(`${block}.adaLN_modulation.1.weight`)?.reshape([6, 16 * 16]);
      const reached = [0, 1, 2, 3, 4, 5].map(
        (i) => rows !== undefined && largest(rows.select(0, i)) > 0,
      );
      expect(reached).toEqual([false, false, true, false, false, true]);
    }
  });

  it('reaches everything in step 3', () => {
    const all = namedParameters(DiT.blank(TINY)).map(([name]) => name);
    expect([...gradientsAfter(2).keys()]).toEqual(all);
  });
});

// Not in the modern design, which turns the bias of each key by its place.
const unturned = DESIGNS.filter((design) => design !== 'modern');

test.each(unturned)('the keys have no gradient through their bias: %s', (design) => {
  // A constant added to all keys shifts each row of logits by a constant, which softmax ignores.
  const model = randomModel({ ...TINY, design }, key(3));
  const gradients = namedParameters(lossAndGrad(model).grads);
  const biases = gradients.filter(([name]) => /\.(qkv|kv)\.bias$/.test(name));
  expect(biases.length).toBe(design === 'cross-attention' ? 4 : 2);
  for (const [name, gradient] of biases) {
    const thirds = gradient.chunk(name.endsWith('qkv.bias') ? 3 : 2, 0);
    const [keys, values] = thirds.slice(-2);
    // What is left is rounding of sums of terms of the size of the other gradients.
    expect(largest(keys), name).toBeLessThan(1e-5 * largest(values));
  }
});

test.each(DESIGNS)('a gradient reaches every parameter: %s', (design) => {
  const model = randomModel({ ...TINY, design }, key(3));
  for (const [name, gradient] of namedParameters(lossAndGrad(model).grads)) {
    expect(largest(gradient), name).toBeGreaterThan(0);
  }
});

test('position encodings are not trained', () => {
  const { grads } = lossAndGrad(randomModel(TINY, key(3)));
  expect(largest(grads.pos_embed.value)).toBe(0);
});
