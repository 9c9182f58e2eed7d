import { key, normal, tree } from '@tessera/tensor';
import { Autoencoder, DiT, encodeModule, parseTrainConfig, presetConfig } from '@tessera/dit';

/** The files of a run that knows ten classes and texts, untrained: a page draws with it quickly, though no digits. */
export async function tinyRun(): Promise<ReadonlyMap<string, Uint8Array>> {
  const smoke = presetConfig('smoke', { conditions: ['label', 'text'] });
  const config = parseTrainConfig({
    ...smoke,
    autoencoder: { ...smoke.autoencoder, channels: [2, 4] },
    model: { ...smoke.model, hiddenSize: 16, depth: 1, numHeads: 2 },
    latentScale: 1,
  });
  if (config.autoencoder === undefined) throw new Error('the preset smoke has no autoencoder');
  const autoencoder = new Autoencoder(config.autoencoder, key(2));
  // A new model starts with zeros that hide its conditions.
  const model = tree.map(
    (leaf) => leaf.add(normal(key(3), leaf.shape).mul(0.1)),
    DiT.init(config.model, key(1)),
  );
  return new Map([
    ['/run/config.json', new TextEncoder().encode(JSON.stringify(config))],
    ['/run/model.safetensors', await encodeModule(model)],
    ['/run/autoencoder.safetensors', await encodeModule(autoencoder)],
  ]);
}
