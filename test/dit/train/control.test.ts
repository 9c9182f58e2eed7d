import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { namedTensors } from '@tessera/autograd/nn';
import { tensor, toNpy } from '@tessera/tensor';
import type { TrainConfig } from '@tessera/dit';
import { readRun, readRunConfig, train, writeRunConfig } from '@tessera/dit/node';
import { completeSampleOptions } from '../../../packages/dit/src/cli/sample/sample-command.ts';
import { trainConfig } from '../../../packages/dit/src/cli/train/train-command.ts';
import { sampleRun } from '../../../packages/dit/src/sample/sample-run.ts';
import { briefConfig, writeFirstDigits } from './tiny-run.ts';

describe('a ControlNet on a trained run', () => {
  let folder = '';
  let trunk = '';
  let out = '';
  let config: TrainConfig;
  const stages: string[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tessera-control-'));
    [trunk, out] = ['trunk', 'control'].map((name) => join(folder, name));
    const data = join(folder, 'data');
    await writeFirstDigits(data, 64);
    await train({ config: { ...briefConfig(data), steps: 2 }, out: trunk });
    config = await trainConfig({ control: 'depth', from: trunk, steps: 3 });
    await train({ config, out, onStage: ({ name }) => stages.push(name) });
  });

  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('trains the branch alone: every other weight has its bits', async () => {
    expect(stages).toEqual(['diffusion']);
    const [before, after] = [await readRun(trunk), await readRun(out)];
    const weights = new Map(namedTensors(after.model));
    for (const [name, values] of namedTensors(before.model)) {
      expect(weights.get(name)?.dataSync(), name).toEqual(values.dataSync());
    }
    expect(
      weights.get('conditions.depth.outputs.0.weight')?.abs().max().itemSync(),
    ).toBeGreaterThan(0);
    expect(await readFile(join(out, 'autoencoder.safetensors'))).toEqual(
      await readFile(join(trunk, 'autoencoder.safetensors')),
    );
    expect(after.config.latentScale).toBe(before.config.latentScale);
  });

  it('leaves a run that draws by the map, as loud as it is told', async () => {
    const depth = join(folder, 'depth.npy');
    const map = Float32Array.from({ length: 28 * 28 }, (_, i) => (i % 28 < 14 ? 0.5 : 0));
    await writeFile(depth, await toNpy(tensor(map, { shape: [28, 28] })));
    const draw = async (name: string, more: object): Promise<Uint8Array> => {
      const args = { run: out, seed: 0, labels: [3], steps: 2, out: join(folder, name), ...more };
      await sampleRun(completeSampleOptions(args, await readRunConfig(out)));
      return readFile(join(folder, name));
    };
    const plain = await draw('plain.png', {});
    expect(await draw('silent.png', { depth, controlScale: 0 })).toEqual(plain);
    expect(await draw('loud.png', { depth, controlScale: 400 })).not.toEqual(plain);
  });

  it('is refused without its run, on another, or where there is none', async () => {
    const { from: _, ...lost } = config;
    await expect(train({ config: lost, out: join(folder, 'a') })).rejects.toThrow(
      "the branch 'depth' is trained on the model of another run, but from names none. Name its folder: --control depth --from FOLDER.",
    );
    const other = { ...config, autoencoder: { ...briefConfig('').autoencoder, steps: 7 } };
    await expect(train({ config: other, out: join(folder, 'b') })).rejects.toThrow(
      `${trunk} has another autoencoder.steps than the ControlNet that is to start from it. Name the run again by --from`,
    );
    const deeper = { ...config, diffusion: { ...config.diffusion, schedule: 'linear' } } as const;
    await expect(train({ config: deeper, out: join(folder, 'b') })).rejects.toThrow(
      'has another diffusion.schedule than the ControlNet',
    );
    const own = await readRunConfig(trunk);
    await expect(trainConfig({ from: out, condition: ['label', 'depth', 'text'] })).rejects.toThrow(
      'has a ControlNet, which copies the blocks of the model',
    );
    await expect(trainConfig({ control: 'depth' })).rejects.toThrow(
      'train: --control depth: a ControlNet is trained on the model of a trained run. Name it by --from.',
    );
    await expect(trainConfig({ from: trunk })).rejects.toThrow(
      'Add --objective mean-flow, --control or --condition.',
    );
    expect(() =>
      completeSampleOptions({ run: trunk, seed: 0, out: 'o.png', controlScale: 1 }, own),
    ).toThrow('--control-scale 1: this run has no ControlNet.');
    await writeRunConfig(join(folder, 'untrained'), briefConfig('nowhere'));
    await expect(
      train({ config: { ...config, from: join(folder, 'untrained') }, out: join(folder, 'd') }),
    ).rejects.toThrow('Train the run to its end first.');
  });
});
