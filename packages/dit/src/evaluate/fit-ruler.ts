// Trains the LeNet that measures the quality of samples.

import { compile, foldIn, key, randomInt, tensor, type Tensor } from '@tessera/tensor';
import { valueAndGrad } from '@tessera/autograd';
import { crossEntropy } from '@tessera/autograd/nn';
import { adamw, oneCycleSchedule, type AdamState } from '@tessera/autograd/optim';
import { batchOrder, gatherLabels, scalePixels } from '../data/batches.ts';
import { pixelCount, type ImageSet, type Labels } from '../data/data-set.ts';
import { LeNet } from './lenet.ts';

/** Square images with the class of each. */
export interface RulerImages extends ImageSet {
  readonly labels: Labels;
}

/** How {@link fitRuler} trains. */
export interface FitOptions {
  readonly classes: number;
  readonly epochs: number;
  readonly seed: number;
  readonly onProgress?: (progress: FitProgress) => void;
}

/** How far a training of a ruler is. */
export interface FitProgress {
  /** Finished steps, from 1. */
  readonly step: number;
  readonly totalSteps: number;
}

const BATCH = 128;
const PEAK_RATE = 4e-3;
const WEIGHT_DECAY = 0.01;
/** Images are moved at random, by at most so many pixels each way. */
const MOST_SHIFT = 2;
/** Steps whose moves are drawn at once, and after which timers have their turn. */
const BLOCK = 100;

/** What a step reads and writes. */
interface FitState {
  readonly model: LeNet;
  readonly optimizer: AdamState;
}

/**
 * Trains a LeNet to name the class of images: AdamW on a one-cycle schedule, images moved at random. The
 * same seed gives the same bits on any number of threads of the wasm backend.
 */
export async function fitRuler(set: RulerImages, options: FitOptions): Promise<LeNet> {
  const { classes, epochs, seed, onProgress } = options;
  const { rows: side, channels = 1 } = set;
  // A small set has smaller batches, so that an epoch has ten steps.
  const batch = Math.min(BATCH, Math.ceil(set.count / 10));
  const order = batchOrder({ count: set.count, batch, seed });
  const totalSteps = epochs * order.stepsPerEpoch;
  const optimizer = adamw({ weightDecay: WEIGHT_DECAY });
  const rate = oneCycleSchedule({ peak: PEAK_RATE, totalSteps });
  const loss = (model: LeNet, images: Tensor, labels: Tensor): Tensor =>
    crossEntropy(model.forward(images), labels);
  const step = compile(
    ({ model, optimizer: state }: FitState, images: Tensor, labels: Tensor): FitState => {
      const { grads } = valueAndGrad(loss)(model, images, labels);
      const learningRate = rate(state.step);
      const updated = optimizer.update(grads, state, model, { learningRate });
      return { model: updated.params, optimizer: updated.state };
    },
    { donate: [0] },
  );
  const random = key(seed);
  const model = new LeNet({ channels, side, classes, key: foldIn(random, 0) });
  let state: FitState = { model, optimizer: optimizer.init(model) };
  let moves = new Int32Array();
  for (let i = 0; i < totalSteps; i++) {
    const at = i % BLOCK;
    const indices = order.indices(i);
    if (at === 0) moves = await drawMoves(foldIn(random, i + 1), indices.length);
    const some = moves.subarray(2 * at * indices.length, 2 * (at + 1) * indices.length);
    const images = tensor(movedImages(set, indices, some), {
      shape: [indices.length, channels, side, side],
    });
    const labels = tensor(gatherLabels(set.labels, indices));
    state = step(state, images, labels);
    for (const done of [images, labels]) done.dispose();
    onProgress?.({ step: i + 1, totalSteps });
  }
  return state.model;
}

/** The moves of a block of steps: rows and columns for each image, one pair behind the other. */
async function drawMoves(random: Tensor, batch: number): Promise<Int32Array<ArrayBuffer>> {
  const moves = randomInt(random, [BLOCK, batch, 2], -MOST_SHIFT, MOST_SHIFT + 1);
  return (await moves.data()) as Int32Array<ArrayBuffer>;
}

/** Some images, each moved down and to the right on a background of zeros, as floats in [-1, 1]. */
function movedImages(set: ImageSet, indices: Int32Array, moves: Int32Array): Float32Array {
  const { images, rows, columns, channels = 1 } = set;
  const plane = rows * columns;
  const pixels = new Uint8Array(indices.length * pixelCount(set));
  indices.forEach((image, i) => {
    const [down, right] = [moves[2 * i], moves[2 * i + 1]];
    const width = columns - Math.abs(right);
    for (let channel = 0; channel < channels; channel++) {
      const source = (image * channels + channel) * plane;
      const target = (i * channels + channel) * plane;
      for (let row = Math.max(0, -down); row < Math.min(rows, rows - down); row++) {
        const from = source + row * columns + Math.max(0, -right);
        const to = target + (row + down) * columns + Math.max(0, right);
        pixels.set(images.subarray(from, from + width), to);
      }
    }
  });
  return scalePixels(pixels);
}
