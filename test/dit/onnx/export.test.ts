import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fromBinary } from '@bufbuild/protobuf';
import {
  diffusionLoss,
  guidedByConditions,
  initialState,
  randomNoise,
  runDiffusion,
  sampleSteps,
  trainStep,
  type DiT,
  type TrainConfig,
} from '@tessera/dit';
import { exportToOnnx, readRun, type OnnxExport } from '@tessera/dit/node';
import { full, key, normal, randomInt, scalar, tree, zeros, type Tensor } from '@tessera/tensor';
import { ModelProtoSchema } from 'onnx-buf';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { load, type LoadedModel } from '../../onnx/onnxruntime.ts';
import { expectSame } from '../../ops/comparison.ts';
import { refusals } from '../../refusals.ts';
import { leastConfig } from '../train/stopped-run.ts';
import { makeRun } from './made-run.ts';

/** Sums of float32 in another order, through a whole model. */
const TOLERANCE = 1e-5;

/** AdamW divides a gradient by its own size. So the rounding errors of one that is nearly 0 count. */
const STATE_TOLERANCE = 2e-4;

/**
 * A bias of keys changes no attention. Its gradient is rounding errors alone, of which AdamW makes whole steps.
 */
const NO_GRADIENT = 'attn.qkv.bias';

const BATCH = 3;

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tessera-onnx-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** The configurations of runs, by name. */
const CONFIGS: Readonly<Record<string, TrainConfig>> = {
  label: leastConfig(),
  conditions: leastConfig({ conditions: ['label', 'text', 'slant'], objective: 'eps' }),
  flow: leastConfig({ objective: 'flow' }),
  interval: {
    ...leastConfig(),
    sampling: { ...leastConfig().sampling, guidanceInterval: [0, 600] },
  },
};

/** Makes a run and exports a part of it. */
async function exported(
  name: string,
  what: 'denoiser' | 'decoder' | 'encoder' | 'step',
): Promise<{ readonly run: string; readonly file: OnnxExport; readonly there: LoadedModel }> {
  const run = join(folder, `${name}-${what}`);
  await makeRun(run, CONFIGS[name]);
  const out = join(folder, `${name}-${what}.onnx`);
  const batch = what === 'step' ? {} : { batch: BATCH };
  const file = await exportToOnnx({ run, what, out, ...batch });
  const bytes = new Uint8Array(await readFile(out));
  return { run, file, there: await load({ ...file, bytes }) };
}

const namesOf = (values: OnnxExport['inputs']): string => values.map(({ name }) => name).join();

describe('a denoiser', () => {
  it.each(Object.keys(CONFIGS))('of %s takes the steps of the sampler', async (name) => {
    const { run, file, there } = await exported(name, 'denoiser');
    const { config, model } = await readRun(run);
    const isFlow = config.diffusion.objective === 'flow';
    const noise = randomNoise(key(3), [BATCH, 2, 4, 4]);
    const labels = randomInt(key(4), [BATCH], 0, 10);
    const { text, slant } = model.nullConditions(BATCH);
    const told = { label: labels, ...(name === 'conditions' && { text, slant: slant.add(0.5) }) };
    const process = runDiffusion(config, 3);
    const { guidanceInterval: [, last] = [0, Infinity] } = config.sampling;
    const steps = sampleSteps(
      process,
      (x, t, time) => guidedByConditions(model, x, t, told, { scale: time <= last ? 2 : 1 }),
      noise,
      { sampler: isFlow ? 'euler' : 'ddim' },
    );
    const times =
      'times' in process
        ? Array.from(process.times, (s) => s * process.timesteps)
        : [...Array.from(process.schedule.timestepMap).reverse(), -1];
    let { xT: x } = noise;
    for (const { n, x: expected, xStart } of steps) {
      const [t, next] = [times[n], times[n + 1]].map((time) =>
        full([BATCH], time, isFlow ? 'float32' : 'int32'),
      );
      const given: Readonly<Record<string, Tensor>> = { x, t, next, ...told, guidance: scalar(2) };
      const results = await there.run(file.inputs.map((input) => given[input.name]));
      const [, foundStart, , moved] = results;
      await expectSame([foundStart, moved], [xStart, expected], TOLERANCE);
      x = expected;
    }
    expect(namesOf(file.outputs)).toBe('prediction,xStart,eps,xNext');
    await there.release();
  });

  it('takes the conditions that are asked for, and nulls in place of the others', async () => {
    const run = join(folder, 'asked');
    await makeRun(run, CONFIGS['conditions']);
    const out = join(folder, 'asked.onnx');
    const asked = { run, what: 'denoiser', out } as const;
    const { inputs } = await exportToOnnx({ ...asked, conditions: ['slant'] });
    expect(namesOf(inputs)).toBe('x,t,next,slant,guidance');
    const none = await exportToOnnx({ ...asked, conditions: [] });
    expect(namesOf(none.inputs)).toBe('x,t,next');
  });

  it('carries the configuration of its run', async () => {
    const { run } = await exported('label', 'denoiser');
    const bytes = await readFile(join(folder, 'label-denoiser.onnx'));
    const { metadataProps } = fromBinary(ModelProtoSchema, bytes);
    const config = await readFile(join(run, 'config.json'), 'utf8');
    expect(metadataProps.map(({ key: name, value }) => [name, value])).toEqual([
      ['config', config],
    ]);
  });
});

describe('the halves of an autoencoder', () => {
  it('decode and encode as the run does', async () => {
    const { run, file, there } = await exported('label', 'decoder');
    const { generator } = await readRun(run);
    const latents = normal(key(5), [BATCH, 2, 4, 4]);
    const [images] = await there.run([latents]);
    expect(Array.from(await images.data())).toEqual(
      Array.from(await generator.decode(latents), (value) => expect.closeTo(value, 5) as number),
    );
    expect(namesOf(file.outputs)).toBe('images');
    const encoder = await exported('label', 'encoder');
    const [found] = await encoder.there.run([images]);
    expect(Array.from(await found.data())).toEqual(
      Array.from(await generator.encode(images), (value) => expect.closeTo(value, 5) as number),
    );
    await there.release();
    await encoder.there.release();
  });
});

describe('a training step', () => {
  it('takes the steps of the run, from its saved state', async () => {
    const { run, file, there } = await exported('label', 'step');
    const { config, model } = await readRun(run);
    const step = trainStep(
      diffusionLoss(config, config.latentScale),
      config.optimizer,
      config.steps,
    );
    let state = initialState<DiT>(model, key(2), config.optimizer);
    let values = tree.leaves(state);
    expect(file.state).toBe(join(run, 'state/diffusion-000000.safetensors'));
    for (let i = 0; i < 2; i++) {
      const mean = normal(key(i), [config.batch, 2, 4, 4]);
      const batch = {
        posterior: { mean, logVariance: zeros(mean.shape) },
        labels: randomInt(key(i), [config.batch], 0, 10),
      };
      const results = await there.run([...values, ...tree.leaves(batch)]);
      const [next, metrics] = step(state, batch);
      const expected = tree.leaves({ next, metrics });
      const [found, wanted] = [results, expected].map((all) =>
        all.filter((_, n) => !file.outputs[n].name.endsWith(NO_GRADIENT)),
      );
      await expectSame(found, wanted, STATE_TOLERANCE);
      values = results.slice(0, values.length);
      state = next;
    }
    await there.release();
  });
});

describe('what is refused, before a file is written', () => {
  it('parts that a run does not have, and files that cannot be', async () => {
    const [run, pixels] = [join(folder, 'refused'), join(folder, 'pixels')];
    await makeRun(run, CONFIGS['label']);
    const { autoencoder: _, ...rest } = leastConfig();
    const sizes = { inputSize: 8, patchSize: 4, inChannels: 1 };
    await makeRun(pixels, { ...rest, codec: 'pixels', model: { ...rest.model, ...sizes } });
    const out = join(folder, 'refused.onnx');
    await writeFile(out, 'as it was');
    const text = await refusals([
      () => exportToOnnx({ what: 'step', out }),
      () => exportToOnnx({ run, what: 'step', out, batch: 3 }),
      () => exportToOnnx({ run: pixels, what: 'decoder', out }),
      () => exportToOnnx({ run, what: 'decoder', out, conditions: ['label'] }),
      () => exportToOnnx({ run, what: 'denoiser', out, conditions: ['depth'] }),
      () => exportToOnnx({ run: join(folder, 'nowhere'), what: 'denoiser', out }),
      () => exportToOnnx({ run, what: 'denoiser', out: join(folder, 'nowhere/a.onnx') }),
      () => exportToOnnx({ run, what: 'denoiser', out: run }),
    ]);
    expect(text.replaceAll(folder, 'F').replace(/[^ ]*weights/, 'W')).toMatchInlineSnapshot(`
      "ValueError: export: W/mnist has no saved state of its Diffusion Transformer. Train it, and let it keep its states (--keep 1 or more).
      ValueError: export: a training step has the batch of its run. Leave batch out.
      ValueError: export: a run of codec pixels has no decoder: its model sees the data themselves. Export its denoiser.
      ValueError: export: conditions are inputs of a denoiser, not of decoder. Leave them out.
      ValueError: export: the model has no condition 'depth'. It has label.
      ValueError: readRunConfig: F/nowhere is not the folder of a run: F/nowhere/config.json is missing. Name a folder that a training wrote.
      ValueError: export: the file F/nowhere/a.onnx lies in a folder that does not exist. Create F/nowhere first.
      ValueError: export: F/refused is a folder, expected a file to write."
    `);
    expect(await readFile(out, 'utf8')).toBe('as it was');
  });
});
