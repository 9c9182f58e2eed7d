/** A stopped run of each kind goes on to the bits of one that was not: on pixels, on given latents, from another run. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { key } from '@tessera/tensor';
import { Autoencoder, flowMapConfig, type TrainConfig } from '@tessera/dit';
import { RUN_FILES, saveModule, train, writeRunConfig, type DataSet } from '@tessera/dit/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { branchConfig } from '../../../packages/dit/src/run/branch-config.ts';
import { randomModel } from '../model/sizes.ts';
import { leastConfig, leftBy, noise, trainStopping } from './stopped-run.ts';

const images = noise();

/** Latents far from unit variance, with the labels of the images. */
const latents: DataSet = (() => {
  const { count, labels = [] } = images.train;
  const values = Float32Array.from({ length: count * 32 }, (_, i) => 5 + 3 * Math.sin(i * i));
  const half = {
    count,
    shape: [2, 4, 4] as const,
    latents: values,
    labels: Uint8Array.from(labels),
  };
  return { ...images, kind: 'latents', train: half, test: half };
})();

/** With two more averages. */
function full<T extends TrainConfig>(config: T): T {
  return { ...config, optimizer: { ...config.optimizer, emaDecays: [0, 0.5] } };
}

const least = leastConfig({ backend: 'cpu', steps: 4 });
const { autoencoder: _, ...plain } = least;
const pixelModel = { ...least.model, inputSize: 8, inChannels: 1, patchSize: 4 };
const flow = { ...least.diffusion, objective: 'flow' } as const;

const onPixels: TrainConfig = full({ ...plain, codec: 'pixels', model: pixelModel });
const onLatents: TrainConfig = full({ ...plain, codec: 'latents' });
const latentFlow: TrainConfig = {
  ...least,
  // The last block of a flow map decodes, one before it hears the time.
  model: { ...least.model, depth: 2 },
  diffusion: flow,
  sampling: { ...least.sampling, sampler: 'euler' },
};
const pixelFlow: TrainConfig = {
  ...onPixels,
  model: { ...pixelModel, depth: 2 },
  diffusion: flow,
  sampling: latentFlow.sampling,
};

let dir = '';

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'tessera-resume-kinds-'));
});

afterAll(() => rm(dir, { recursive: true }));

/** A run to start from: its weights need no training. */
async function base(
  name: string,
  config: TrainConfig,
): Promise<[config: TrainConfig, from: string]> {
  const from = join(dir, name);
  const own = { ...config, latentScale: 1 };
  await writeRunConfig(from, own);
  await saveModule(join(from, RUN_FILES.model), randomModel(config.model, key(1)));
  if (config.autoencoder !== undefined) {
    const autoencoder = new Autoencoder(config.autoencoder, key(2));
    await saveModule(join(from, RUN_FILES.autoencoder), autoencoder);
  }
  return [own, from];
}

const changes = { steps: 4, batch: 4 };
type Kind = readonly [config: TrainConfig, data: DataSet];

const kinds: Readonly<Record<string, () => Kind | Promise<Kind>>> = {
  'on pixels': () => [onPixels, images],
  'on given latents': () => [onLatents, latents],
  'of a ControlNet': async () => {
    const [config, from] = await base('trunk', least);
    return [full(branchConfig(config, from, 'depth', changes)), images];
  },
  'of a ControlNet on pixels': async () => {
    const [config, from] = await base('pixel-trunk', onPixels);
    return [full(branchConfig(config, from, 'depth', changes)), images];
  },
  'of a flow map': async () => {
    const [config, from] = await base('flow', latentFlow);
    return [full(flowMapConfig(config, from, changes)), images];
  },
  'of a flow map on pixels': async () => {
    const [config, from] = await base('pixel-flow', pixelFlow);
    return [full(flowMapConfig(config, from, changes)), images];
  },
};

describe('a run that is stopped and goes on has the same bits', () => {
  it.each(Object.keys(kinds))('%s', async (kind) => {
    const [config, data] = await kinds[kind]();
    const [whole, stopped] = ['whole', 'stopped'].map((name) => join(dir, `${name} ${kind}`));
    await train({ config, data, out: whole });
    const stop = { stage: 'diffusion', step: 1 } as const;
    const notices = await trainStopping({ config, data, out: stopped }, [stop]);
    expect(notices).toContain('Going on after step 2 of 4 of the diffusion.');
    expect(await leftBy(stopped)).toEqual(await leftBy(whole));
  });
});
