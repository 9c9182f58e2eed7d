import { loadTensors } from '@tessera/autograd/nn';
import { DiT, parseModelConfig, type ModelConfig } from '@tessera/dit';
import * as v from 'valibot';
import type { TensorFile } from './golden-folder.ts';

/** The configuration of a model as manifests write it. */
export const configSchema = v.looseObject({
  mlp_ratio: v.number(),
  class_dropout_prob: v.number(),
  conditioning: v.optional(v.string(), 'adaln-zero'),
  input_size: v.number(),
  patch_size: v.number(),
  in_channels: v.number(),
  hidden_size: v.number(),
  depth: v.number(),
  num_heads: v.number(),
  num_classes: v.number(),
  learn_sigma: v.boolean(),
});

/** A configuration as manifests write it. */
export type GoldenConfig = v.InferOutput<typeof configSchema>;

/** The same configuration as the package writes it. Throws if it has no such model. */
export function modelConfig(config: GoldenConfig): ModelConfig {
  const strange = Object.keys(config).filter((key) => !Object.hasOwn(configSchema.entries, key));
  if (strange.length > 0) throw new Error(`model config ${strange.join(', ')} is not there yet`);
  return parseModelConfig({
    inputSize: config.input_size,
    patchSize: config.patch_size,
    inChannels: config.in_channels,
    hiddenSize: config.hidden_size,
    depth: config.depth,
    numHeads: config.num_heads,
    mlpRatio: config.mlp_ratio,
    classDropoutProb: config.class_dropout_prob,
    numClasses: config.num_classes,
    learnSigma: config.learn_sigma,
    design: config.conditioning,
    position: '2d',
  });
}

/** The model of a configuration with the weights of a file, which holds exactly the official keys. */
export function loadModel(config: GoldenConfig, weights: TensorFile): DiT {
  const tensors = weights.names().map((name) => [name, weights.tensor(name)] as const);
  return loadTensors(DiT.blank(modelConfig(config)), new Map(tensors));
}
