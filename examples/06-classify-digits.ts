// A convolutional network that reads handwritten digits after a few seconds of training.

import { argmax, compile, gelu, key, split, tensor, type Tensor } from '@tessera/tensor';
import { valueAndGrad } from '@tessera/autograd';
import { Conv2d, countParameters, crossEntropy, Linear, Module } from '@tessera/autograd/nn';
import { adamw, cosineSchedule, type AdamState } from '@tessera/autograd/optim';
import { batchOrder, gatherImages, gatherLabels } from '@tessera/dit';
import { loadMnist, MNIST_CLASSES, type DigitSet } from '@tessera/dit/node';

class Classifier extends Module {
  readonly conv1: Conv2d;
  readonly conv2: Conv2d;
  readonly head: Linear;

  constructor(random: Tensor) {
    super();
    const [a, b, c] = split(random, 3);
    this.conv1 = new Conv2d(1, 8, { key: a, kernelSize: 5, stride: 2, padding: 2 });
    this.conv2 = new Conv2d(8, 16, { key: b, kernelSize: 3, stride: 2, padding: 1 });
    this.head = new Linear(16 * 7 * 7, MNIST_CLASSES, { key: c });
  }

  /** `[B, 1, 28, 28] → [B, K]` logits */
  forward(images: Tensor): Tensor {
    const halved = gelu(this.conv1.forward(images)); // [B, 8, 14, 14]
    const features = gelu(this.conv2.forward(halved)); // [B, 16, 7, 7]
    return this.head.forward(features.flatten(1));
  }
}

interface Batch {
  readonly images: Tensor;
  readonly labels: Tensor;
}

/** Some digits of a set as tensors: images in [-1, 1] and int32 labels. */
function batchOf(set: DigitSet, indices: Int32Array): Batch {
  const shape = [indices.length, 1, set.rows, set.columns];
  return {
    images: tensor(gatherImages(set, indices), { shape }),
    labels: tensor(gatherLabels(set.labels, indices)),
  };
}

interface State {
  readonly model: Classifier;
  readonly optimizer: AdamState;
}

const STEPS = 200;
const optimizer = adamw({ weightDecay: 0.01 });
const schedule = cosineSchedule({ peak: 4e-3, warmupSteps: 20, totalSteps: STEPS });
const loss = (model: Classifier, { images, labels }: Batch): Tensor =>
  crossEntropy(model.forward(images), labels);

const step = compile(
  ({ model, optimizer: state }: State, batch: Batch): [State, Tensor] => {
    const { value, grads } = valueAndGrad(loss)(model, batch);
    const learningRate = schedule(state.step);
    const updated = optimizer.update(grads, state, model, { learningRate });
    return [{ model: updated.params, optimizer: updated.state }, value];
  },
  { donate: [0] },
);

const { train, test } = await loadMnist();
const model = new Classifier(key(0));
console.log(`${countParameters(model)} parameters, ${train.count} digits`);

const order = batchOrder({ count: train.count, batch: 32, seed: 0 });
let state: State = { model, optimizer: optimizer.init(model) };
for (let i = 0; i < STEPS; i++) {
  let value: Tensor;
  [state, value] = step(state, batchOf(train, order.indices(i)));
  if ((i + 1) % 50 === 0) console.log(`step ${i + 1}: loss ${value.itemSync().toFixed(3)}`);
}

const unseen = batchOf(
  test,
  Int32Array.from({ length: 1000 }, (_, i) => i),
);
const guesses = argmax(state.model.forward(unseen.images), 1);
const right = guesses.equal(unseen.labels).cast('float32').mean().itemSync();
console.log(`${(100 * right).toFixed(1)} % of 1000 unseen digits`);
