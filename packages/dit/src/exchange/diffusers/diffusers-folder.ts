// The folder of diffusers that holds a Diffusion Transformer: written from a model, and read into one.

import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeSafetensors, encodeSafetensors, parseJson, ValueError } from '@tessera/tensor';
import { checkFields, checkText } from '../../config/argument-check.ts';
import type { ModelConfig } from '../../config/model-config.ts';
import { sidesOf } from '../../config/ranges.ts';
import type { DiT } from '../../model/dit.ts';
import { readEntries } from '../../model/weights/encode-weights.ts';
import { finiteTensor, fitModule } from '../../model/weights/decode-weights.ts';
import { writeFileAtomic } from '../../run/atomic-file.ts';
import { readWeights } from '../../run/checkpoint.ts';
import { readText } from '../../run/read-text.ts';
import { writeNewFolder } from '../new-folder.ts';
import { fromDiffusers, toDiffusers } from './key-map.ts';

/** The folder of the transformer in a pipeline, and its files. */
const FILES = {
  transformer: 'transformer',
  config: 'config.json',
  weights: 'diffusion_pytorch_model.safetensors',
  card: 'README.md',
} as const;

/** Most bytes of a configuration. */
const LARGEST_CONFIG = 2 ** 16;

/** The configuration that diffusers builds the same model from. Throws a ValueError if it knows no such model. */
function configOf(op: string, model: ModelConfig): Readonly<Record<string, unknown>> {
  const [height, width] = sidesOf(model.inputSize);
  const odd = Object.entries({
    [`the design ${model.design}`]: model.design !== 'adaln-zero',
    [`the conditions ${(model.conditions ?? []).map(({ name }) => name).join(', ')}`]:
      (model.conditions ?? []).length > 0,
    'no classes': model.numClasses === 0,
    [`latents of ${height}×${width}`]: height !== width,
    [`the positions ${model.position}`]: model.position !== '2d',
    [`an MLP of ${model.mlpRatio} times its width`]: model.mlpRatio !== 4,
    'the time at which a step ends (decoderDepth)': (model.decoderDepth ?? 0) > 0,
  }).find(([, isOdd]) => isOdd);
  if (odd !== undefined) {
    throw new ValueError(
      op,
      `the model has ${odd[0]}, which DiTTransformer2DModel of diffusers does not have. It takes adaln-zero with classes, 2-D positions and square latents.`,
    );
  }
  return {
    _class_name: 'DiTTransformer2DModel',
    _diffusers_version: '0.31.0',
    activation_fn: 'gelu-approximate',
    attention_bias: true,
    attention_head_dim: model.hiddenSize / model.numHeads,
    dropout: 0,
    in_channels: model.inChannels,
    norm_elementwise_affine: false,
    norm_eps: 1e-6,
    norm_num_groups: 32,
    norm_type: 'ada_norm_zero',
    num_attention_heads: model.numHeads,
    num_embeds_ada_norm: model.numClasses,
    num_layers: model.depth,
    out_channels: model.inChannels * (model.learnSigma ? 2 : 1),
    patch_size: model.patchSize,
    sample_size: height,
    upcast_attention: false,
  };
}

/** The fields that decide the model. Others, such as versions and rates of dropout, do not. */
const DECISIVE = [
  'activation_fn',
  'attention_bias',
  'attention_head_dim',
  'in_channels',
  'norm_elementwise_affine',
  'norm_type',
  'num_attention_heads',
  'num_embeds_ada_norm',
  'num_layers',
  'out_channels',
  'patch_size',
  'sample_size',
] as const;

/** What stands in the folder for its reader. */
const CARD = `# A Diffusion Transformer for diffusers

\`\`\`python
from diffusers import DiTTransformer2DModel

model = DiTTransformer2DModel.from_pretrained("FOLDER", subfolder="transformer")
for block in model.transformer_blocks:
    block.norm1.emb.time_proj.downscale_freq_shift = 0
\`\`\`

The loop is needed: diffusers spaces the frequencies of the timestep by half their number less one (127), the official
code and Tessera by half their number (128). Without it the model sees other timesteps than those that it was trained on.

The latents are those of the autoencoder of the run that the weights come from, which is no AutoencoderKL of diffusers, and
the objective is that of the run. A pipeline needs both.
`;

/**
 * Writes a model as a folder of diffusers, with the file of weights, the configuration, and a page that says how to load
 * them. It was checked against the names of diffusers, not run there.
 *
 * @param folder must be new or empty
 * @throws ValueError if diffusers has no such model, or the folder holds something else
 * @example
 * const model = DiT.init({ ...zoo['DiT-S/8'], depth: 1, numClasses: 10 }, key(0));
 * await saveDiffusers('dit', model);
 * const again = await loadDiffusers('dit', DiT.blank(model.config));
 * again.blocks.length; // 1
 */
export async function saveDiffusers(folder: string, model: DiT): Promise<void> {
  const op = 'saveDiffusers';
  checkText(op, 'folder', folder);
  checkFields(op, 'model', model, ['forward', 'config'], 'Give a DiT.');
  const config = configOf(op, model.config);
  const weights = toDiffusers(await readEntries(model), model.config.depth);
  await writeNewFolder(op, folder, async (place) => {
    const transformer = join(place, FILES.transformer);
    await mkdir(transformer);
    await writeFileAtomic(join(transformer, FILES.config), `${JSON.stringify(config, null, 2)}\n`);
    await writeFileAtomic(
      join(transformer, FILES.weights),
      encodeSafetensors(weights, { format: 'pt' }),
    );
    await writeFileAtomic(join(place, FILES.card), CARD);
  });
}

/** Whether a folder is one of diffusers. */
export function isDiffusersFolder(folder: string): boolean {
  return existsSync(join(folder, FILES.transformer, FILES.config));
}

/**
 * Reads a Diffusion Transformer of diffusers: the folder of a pipeline, or one that {@link saveDiffusers} wrote.
 *
 * @param model has the configuration that the weights are of
 * @throws ValueError if a file is missing; FormatError if the configuration or the weights are those of another model,
 *   or modules that are one here differ from block to block, as after a training in diffusers
 * @example
 * // not run: needs a folder of weights
 * await loadDiffusers('DiT-XL-2-256', DiT.blank(zoo['DiT-XL/2']));
 */
export async function loadDiffusers(folder: string, model: DiT): Promise<DiT> {
  const op = 'loadDiffusers';
  checkText(op, 'folder', folder);
  checkFields(op, 'model', model, ['forward', 'config'], 'Give a DiT, such as DiT.blank(…).');
  const path = join(folder, FILES.transformer, FILES.config);
  const found = parseJson(await readText(op, path, LARGEST_CONFIG), op, `${path}:`);
  const expected = configOf(op, model.config);
  checkSame(op, path, found, expected);
  const file = join(folder, FILES.transformer, FILES.weights);
  const own = await readEntries(model);
  const { tensors } = decodeSafetensors(await readWeights(file), file);
  const here = fromDiffusers(tensors, [...own.keys()], model.config.depth, file);
  const positions = own.get('pos_embed');
  if (positions !== undefined) here.set('pos_embed', positions);
  const loaded = [...here].map(([name, entry]) => [name, finiteTensor(name, entry, file)] as const);
  return fitModule(model, new Map(loaded), file);
}

/** Throws a ValueError that names the first field in which a configuration is another one. */
function checkSame(
  op: string,
  path: string,
  found: unknown,
  expected: Readonly<Record<string, unknown>>,
): void {
  checkFields(op, path, found, [], 'Expected the configuration of a DiTTransformer2DModel.');
  const fields = found as Readonly<Record<string, unknown>>;
  for (const name of DECISIVE) {
    const value = fields[name];
    if (value === undefined || value === null || value === expected[name]) continue;
    throw new ValueError(
      op,
      `${path}: ${name} is ${JSON.stringify(value)}, but the model here has ${JSON.stringify(expected[name])}.`,
    );
  }
}
