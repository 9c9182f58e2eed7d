// Two interleaved half-moons, told apart by a small MLP and one compiled training step.

import { compile, concat, key, normal, split, tensor, uniform, type Tensor } from '@tessera/tensor';
import { valueAndGrad } from '@tessera/autograd';
import { countParameters, Linear, Module } from '@tessera/autograd/nn';
import { adamw, type AdamState } from '@tessera/autograd/optim';

/** Points `[2n, 2]` on two half circles with a little noise, and 0 or 1 for each. */
function moons(n: number, random: Tensor): { points: Tensor; classes: Tensor } {
  const [angles, noise] = split(random);
  const angle = uniform(angles, [n], 0, Math.PI).unsqueeze(1);
  const upper = concat([angle.cos(), angle.sin()], 1);
  const lower = concat([angle.cos().neg().add(1), angle.sin().neg().add(0.5)], 1);
  const points = concat([upper, lower], 0).add(normal(noise, [2 * n, 2]).mul(0.08));
  const classes = tensor(Float32Array.from({ length: 2 * n }, (_, i) => Number(i >= n)));
  return { points, classes };
}

class Classifier extends Module {
  readonly layers: readonly Linear[];

  constructor(random: Tensor) {
    super();
    const sizes = [2, 16, 16, 1];
    this.layers = split(random, 3).map((k, i) => new Linear(sizes[i], sizes[i + 1], { key: k }));
  }

  /** `[B, 2] → [B]` logits */
  forward(points: Tensor): Tensor {
    const [first, second, last] = this.layers;
    return last.forward(second.forward(first.forward(points).tanh()).tanh()).squeeze(1);
  }
}

/** Mean of −ln p(class), with p = sigmoid(logit). */
function loss(model: Classifier, points: Tensor, classes: Tensor): Tensor {
  const sign = classes.mul(2).sub(1);
  return model.forward(points).mul(sign).sigmoid().log().neg().mean();
}

interface State {
  readonly model: Classifier;
  readonly optimizer: AdamState;
}

const optimizer = adamw({ weightDecay: 0 });

// Forward, backward and AdamW become one plan; the new state is written over the old one.
const step = compile(
  (state: State, points: Tensor, classes: Tensor): [State, Tensor] => {
    const { value, grads } = valueAndGrad(loss)(state.model, points, classes);
    const updated = optimizer.update(grads, state.optimizer, state.model, { learningRate: 0.01 });
    return [{ model: updated.params, optimizer: updated.state }, value];
  },
  { donate: [0] },
);

const [dataKey, modelKey] = split(key(0));
const { points, classes } = moons(100, dataKey);
const model = new Classifier(modelKey);
console.log(`${countParameters(model)} parameters`);

let state: State = { model, optimizer: optimizer.init(model) };
for (let i = 1; i <= 400; i++) {
  let value: Tensor;
  [state, value] = step(state, points, classes);
  if (i % 100 === 0) console.log(`step ${i}: loss ${value.itemSync().toFixed(3)}`);
}

const right = state.model.forward(points).greater(0).equal(classes.greater(0.5));
console.log(`accuracy ${(100 * right.cast('float32').mean().itemSync()).toFixed(1)} %`);
