/** What a page would do with `@tessera/dit`: a small model, its forward pass, and samples from it. */
import { key, normal, split, tensor, tree, type Tensor } from '@tessera/tensor';
import {
  createDiffusion,
  DiT,
  guidedForward,
  parseModelConfig,
  randomNoise,
  sample,
} from '@tessera/dit';

/** Results of {@link drawSamples}, ready for JSON. */
export interface SamplingResult {
  /** What the model predicts, `[1, 2, 4, 4]`, row-major. */
  readonly forward: readonly number[];
  /** Latents after a few guided DDIM steps, `[2, 2, 4, 4]`, row-major. */
  readonly samples: readonly number[];
}

/** A model with no weight at its special start: the official one predicts zeros. */
function smallModel(): DiT {
  const config = parseModelConfig({
    inputSize: 4,
    patchSize: 2,
    inChannels: 2,
    hiddenSize: 16,
    depth: 2,
    numHeads: 2,
    mlpRatio: 4,
    classDropoutProb: 0.1,
    numClasses: 5,
    learnSigma: false,
    design: 'adaln-zero',
    position: '2d',
  });
  const model = DiT.init(config, key(0));
  const keys = split(key(1), tree.leaves(model).length);
  let next = 0;
  return tree.map((leaf) => leaf.add(normal(keys[next++], leaf.shape).mul(0.1)), model);
}

/** One forward pass, and a few steps from noise to latents. */
export async function drawSamples(): Promise<SamplingResult> {
  const model = smallModel();
  const label = tensor([2], { dtype: 'int32' });
  const timestep = tensor([500], { dtype: 'int32' });
  const forward = model.forward(normal(key(2), [1, 2, 4, 4]), timestep, label);
  const diffusion = createDiffusion({
    predicts: 'v',
    schedule: 'squaredcos_cap_v2',
    respacing: 4,
  });
  const labels = tensor([0, 3], { dtype: 'int32' });
  const guided = (x: Tensor, t: Tensor): Tensor => guidedForward(model, x, t, labels, { scale: 2 });
  const samples = sample(diffusion, guided, randomNoise(key(3), [2, 2, 4, 4]));
  return {
    forward: Array.from(await forward.data()),
    samples: Array.from(await samples.data()),
  };
}
