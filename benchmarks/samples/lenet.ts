// The LeNet that reads drawn digits, trained on MNIST.

/**
 * Source: LeCun, Bottou, Bengio & Haffner 1998, "Gradient-based learning applied to document recognition",
 * section II, with ReLU and max pooling.
 */
import { argmax, compile, key, maxPool2d, split, tensor, type Tensor } from '@tessera/tensor';
import { valueAndGrad } from '@tessera/autograd';
import { Conv2d, crossEntropy, Linear, Module } from '@tessera/autograd/nn';
import { adamw, oneCycleSchedule, type AdamState } from '@tessera/autograd/optim';
import { batchOrder, scalePixels } from '@tessera/dit';
import { MNIST_CLASSES, type DigitSet } from '@tessera/dit/node';

/** Side of its images. */
export const SIDE = 32;
const EPOCHS = 4;
const BATCH = 128;
/** Random shifts of the training digits, in pixels, each way. */
const MOST_SHIFT = 2;

export class LeNet extends Module {
  readonly conv1: Conv2d;
  readonly conv2: Conv2d;
  readonly hidden1: Linear;
  readonly hidden2: Linear;
  readonly head: Linear;

  constructor(random: Tensor) {
    super();
    const [a, b, c, d, e] = split(random, 5);
    this.conv1 = new Conv2d(1, 6, { key: a, kernelSize: 5 });
    this.conv2 = new Conv2d(6, 16, { key: b, kernelSize: 5 });
    this.hidden1 = new Linear(16 * 5 * 5, 120, { key: c });
    this.hidden2 = new Linear(120, 84, { key: d });
    this.head = new Linear(84, MNIST_CLASSES, { key: e });
  }

  /** `[B, 1, 32, 32] → [B, K]` logits */
  forward(images: Tensor): Tensor {
    const first = maxPool2d(this.conv1.forward(images).maximum(0), 2); // [B, 6, 14, 14]
    const second = maxPool2d(this.conv2.forward(first).maximum(0), 2); // [B, 16, 5, 5]
    const hidden = this.hidden1.forward(second.flatten(1)).maximum(0); // [B, 120]
    return this.head.forward(this.hidden2.forward(hidden).maximum(0));
  }
}

interface State {
  readonly model: LeNet;
  readonly optimizer: AdamState;
}

/** Some digits of a set, moved at random, as images in [-1, 1]. */
function shifted({ images }: DigitSet, indices: Int32Array): Tensor {
  const pixels = new Uint8Array(indices.length * SIDE * SIDE);
  indices.forEach((index, i) => {
    const [down, right] = [shift(), shift()];
    for (let row = 0; row < SIDE; row++) {
      if (row + down < 0 || row + down >= SIDE) continue;
      for (let column = Math.max(0, -right); column < Math.min(SIDE, SIDE - right); column++) {
        pixels[(i * SIDE + row + down) * SIDE + column + right] =
          images[(index * SIDE + row) * SIDE + column];
      }
    }
  });
  return tensor(scalePixels(pixels), { shape: [indices.length, 1, SIDE, SIDE] });
}

function shift(): number {
  return Math.floor(Math.random() * (2 * MOST_SHIFT + 1)) - MOST_SHIFT;
}

/** Trains one on digits of {@link SIDE} pixels a side. */
export async function trainLeNet(set: DigitSet): Promise<LeNet> {
  const totalSteps = EPOCHS * Math.floor(set.count / BATCH);
  const optimizer = adamw({ weightDecay: 0.01 });
  const schedule = oneCycleSchedule({ peak: 4e-3, totalSteps });
  const loss = (model: LeNet, images: Tensor, labels: Tensor): Tensor =>
    crossEntropy(model.forward(images), labels);
  const step = compile(
    ({ model, optimizer: state }: State, images: Tensor, labels: Tensor): State => {
      const { grads } = valueAndGrad(loss)(model, images, labels);
      const learningRate = schedule(state.step);
      const updated = optimizer.update(grads, state, model, { learningRate });
      return { model: updated.params, optimizer: updated.state };
    },
    { donate: [0] },
  );
  const model = new LeNet(key(0));
  const order = batchOrder({ count: set.count, batch: BATCH, seed: 0 });
  let state: State = { model, optimizer: optimizer.init(model) };
  for (let i = 0; i < totalSteps; i++) {
    const indices = order.indices(i);
    const labels = tensor(Int32Array.from(indices, (index) => set.labels[index]));
    state = step(state, shifted(set, indices), labels);
    if (i % 100 === 0) await new Promise(setImmediate);
  }
  return state.model;
}

const read = compile((model: LeNet, images: Tensor) => argmax(model.forward(images), 1));

/** The digits that the LeNet reads in images `[count, SIDE, SIDE]`. */
export async function readDigits(model: LeNet, images: Float32Array): Promise<number[]> {
  const count = images.length / SIDE ** 2;
  return Array.from(await read(model, tensor(images, { shape: [count, 1, SIDE, SIDE] })).data());
}

/** Percent of numbers that are those asked for. */
export function percentRight(found: ArrayLike<unknown>, asked: ArrayLike<unknown>): number {
  const right = Array.from(found).filter((each, i) => each === asked[i]).length;
  return (100 * right) / found.length;
}
