// `npm run bench:digits`: how many drawn digits a freshly trained LeNet reads as asked.

/**
 * `npm run bench:digits -- FOLDER [COUNT]`: how many digits that a trained run draws a LeNet reads as
 * asked. The LeNet is trained here on MNIST, and reads the real test digits and the autoencoder's
 * reconstructions of them as well, which no drawn digit should be expected to beat.
 *
 * Source: LeCun, Bottou, Bengio & Haffner 1998, "Gradient-based learning applied to document
 * recognition", section II, with ReLU and max pooling.
 */
import { join } from 'node:path';
import { argmax, compile, key, maxPool2d, split, tensor, type Tensor } from '@tessera/tensor';
import { valueAndGrad } from '@tessera/autograd';
import { Conv2d, crossEntropy, Linear, Module } from '@tessera/autograd/nn';
import { adamw, oneCycleSchedule, type AdamState } from '@tessera/autograd/optim';
import { Autoencoder, batchOrder, DiT, padImages, scalePixels } from '@tessera/dit';
import {
  Generator,
  loadMnist,
  loadModule,
  MNIST_CLASSES,
  readRunConfig,
  RUN_FILES,
  type DigitSet,
} from '@tessera/dit/node';

const SIDE = 32;
const EPOCHS = 4;
const BATCH = 128;
/** Random shifts of the training digits, in pixels, each way. */
const MOST_SHIFT = 2;

class LeNet extends Module {
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

async function trainLeNet(set: DigitSet): Promise<LeNet> {
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

/** Percent of images that the LeNet reads as these digits. */
async function accuracy(
  model: LeNet,
  images: Float32Array,
  labels: ArrayLike<number>,
): Promise<number> {
  const guesses = await read(
    model,
    tensor(images, { shape: [labels.length, 1, SIDE, SIDE] }),
  ).data();
  const right = Array.from(guesses).filter((guess, i) => guess === labels[i]).length;
  return (100 * right) / labels.length;
}

const [folder, count = '1000'] = process.argv.slice(2);
if (folder === undefined || !(Number(count) >= 10)) {
  process.stderr.write('error: usage: npm run bench:digits -- FOLDER [COUNT, at least 10]\n');
  process.exit(2);
}
const config = await readRunConfig(folder);
const mnist = await loadMnist();
const [train, test] = [mnist.train, mnist.test].map((set) => ({
  ...padImages(set, SIDE),
  labels: set.labels,
}));
const lenet = await trainLeNet(train);
const some = 2000;
const real = scalePixels(test.images.subarray(0, some * SIDE * SIDE));
const labels = test.labels.subarray(0, some);
console.log(`test digits: ${(await accuracy(lenet, real, labels)).toFixed(1)} % read`);

const autoencoder = await loadModule(
  join(folder, RUN_FILES.autoencoder),
  new Autoencoder(config.autoencoder, key(0)),
);
const images = tensor(real, { shape: [some, 1, SIDE, SIDE] });
const decoded = await autoencoder.decode(autoencoder.encode(images).mean).data();
const rebuilt = await accuracy(lenet, decoded as Float32Array, labels);
console.log(`reconstructions of them: ${rebuilt.toFixed(1)} % read`);

const model = await loadModule(join(folder, RUN_FILES.model), DiT.init(config.model, key(0)));
const generator = new Generator(config, { autoencoder, latentScale: config.latentScale ?? 1 });
const asked = Array.from({ length: Number(count) }, (_, i) => i % MNIST_CLASSES);
for (const guidance of [2, 1, 4]) {
  const options = { ...config.sampling, guidance, labels: asked, key: key(1) };
  const drawn = await generator.generate(model, options);
  const percent = await accuracy(lenet, drawn, asked);
  console.log(`${count} drawn at guidance ${guidance}: ${percent.toFixed(1)} % read as asked`);
}
