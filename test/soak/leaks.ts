/** Eager operations and compiled training steps must leave no tensors behind. */
import { grad } from '@tessera/autograd';
import {
  attention,
  key,
  layerNorm,
  normal,
  setDefaultBackend,
  softmax,
  tensor,
  wasmBackend,
  zeros,
  type Tensor,
} from '@tessera/tensor';
import { expectNoLeak } from '@tessera/tensor/testing';
import { compiledTrainStep, diffusionLoss, DiT, initialState, presetConfig } from '@tessera/dit';

/** How long leaks are looked for. */
interface LeakSearch {
  readonly operations: number;
  readonly steps: number;
  readonly onLine: (line: string) => void;
}

/** Parts into which each loop is cut: after half of them the tensors are counted, and at the end again. */
const PARTS = 10;

/**
 * Looks for leaks, and says what held.
 *
 * @throws LeakError at the first leak
 */
export async function findLeaks({ operations, steps, onLine }: LeakSearch): Promise<void> {
  setDefaultBackend(wasmBackend());
  await expectNoLeak(eagerWork(operations / PARTS), { calls: PARTS / 2, warmUp: 1 });
  onLine(`${operations} eager operations leave nothing behind.`);
  await expectNoLeak(trainingWork(steps / PARTS, steps), { calls: PARTS / 2, warmUp: 1 });
  onLine(`${steps} compiled training steps leave nothing behind.`);
}

/** A function that applies `count` operations of several kinds. */
function eagerWork(count: number): () => void {
  const x = normal(key(0), [2, 16, 16]);
  const kinds: readonly ((x: Tensor) => Tensor)[] = [
    (each) => each.mul(2),
    (each) => each.tanh(),
    (each) => each.matmul(each),
    (each) => each.sum(0),
    (each) => softmax(each),
    (each) => layerNorm(each),
    (each) => attention(each, each, each),
    (each) => grad((y: Tensor) => y.exp().mean())(each),
  ];
  return () => {
    for (let i = 0; i < count; i++) kinds[i % kinds.length](x);
  };
}

/** A function that takes `count` steps of the training of a very small Diffusion Transformer. */
function trainingWork(count: number, totalSteps: number): () => Promise<void> {
  const smoke = presetConfig('smoke');
  const model = { ...smoke.model, inputSize: 4, hiddenSize: 16, depth: 1, numHeads: 2 };
  const config = { ...smoke, model };
  const step = compiledTrainStep(diffusionLoss(config, 1), config.optimizer, totalSteps);
  const latents = zeros([2, model.inChannels, 4, 4]).add(tensor([0]));
  const batch = {
    posterior: { mean: latents, logVariance: latents },
    labels: tensor([3, 1], { dtype: 'int32' }),
  };
  let state = initialState(DiT.init(model, key(1)), key(2));
  return async () => {
    for (let i = 0; i < count; i++) {
      const [next, metrics] = step(state, batch);
      state = next;
      await metrics.loss.item();
    }
  };
}
