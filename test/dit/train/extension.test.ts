import { copyFileSync } from 'node:fs';
import { copyFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { namedTensors } from '@tessera/autograd/nn';
import { key, normal, tensor } from '@tessera/tensor';
import { DiT, presetConfig, type TrainConfig } from '@tessera/dit';
import { readRun, resumeRun, train, writeRunConfig } from '@tessera/dit/node';
import { trainConfig } from '../../../packages/dit/src/cli/train/train-command.ts';
import { readFittedRun, withOwnWords } from '../../../packages/dit/src/train/fit-config.ts';
import { initialState } from '../../../packages/dit/src/train/step.ts';
import { statePath } from '../../../packages/dit/src/run/state/state-folder.ts';
import { decodeState } from '../../../packages/dit/src/run/state/state-file.ts';
import { briefConfig, writeFirstDigits } from './tiny-run.ts';

describe('a trained model that is told more', () => {
  let folder = '';
  let base = '';
  let out = '';
  /** A copy of the state before the first step. */
  let first = '';
  let config: TrainConfig;
  const stages: string[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tessera-extension-'));
    [base, out, first] = ['base', 'told', 'first'].map((name) => join(folder, name));
    const data = join(folder, 'data');
    await writeFirstDigits(data, 64);
    await train({ config: { ...briefConfig(data), steps: 4 }, out: base });
    config = await trainConfig({
      from: base,
      condition: ['label', 'text', 'depth'],
      steps: 3,
      set: ['model.conditions.1.dropoutProb=0.25', 'model.classDropoutProb=0.2'],
    });
    await train({
      config,
      out,
      onStage: ({ name }) => stages.push(name),
      onSave: ({ step }) => {
        if (step === 0) copyFileSync(statePath(out, { stage: 'diffusion', step }), first);
      },
    });
  });

  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('has the settings of its run, and conditions that are dropped often', async () => {
    const { config: before } = await readRun(base);
    expect(config.model.conditions).toMatchObject([
      { kind: 'text', name: 'text', dropoutProb: 0.5 },
      { kind: 'map', name: 'depth', size: 32, channels: 1, dropoutProb: 0.25 },
    ]);
    expect(config).toMatchObject({
      from: base,
      autoencoder: before.autoencoder,
      latentScale: before.latentScale,
      model: { classDropoutProb: 0.2, jointDropoutProb: 0.05 },
      optimizer: { learningRate: before.optimizer.learningRate / 3, warmupSteps: 0 },
    });
  });

  it('begins with the bits of what its run computes, whatever it is told', async () => {
    const state = decodeState(await readFile(first), first);
    const like = initialState(DiT.blank(config.model), key(0), config.optimizer);
    const { model } = state.take('training', like);
    const { model: before } = await readRun(base);
    const x = normal(key(1), [2, 4, 8, 8]);
    const t = tensor([999, 3], { dtype: 'int32' });
    const label = tensor([7, 1], { dtype: 'int32' });
    const told = {
      label,
      text: tensor(
        Int32Array.from({ length: 24 }, (_, i) => 1 + i),
        { shape: [2, 12] },
      ),
      depth: normal(key(2), [2, 1, 32, 32]),
    };
    const expected = before.forward(x, t, label).dataSync();
    expect(model.forward(x, t, label).dataSync()).toEqual(expected);
    expect(model.forward(x, t, told).dataSync()).toEqual(expected);
    expect(expected.some((value) => value !== 0)).toBe(true);
  });

  it('trains all weights, and keeps the autoencoder and its scale', async () => {
    expect(stages).toEqual(['diffusion']);
    const [before, after] = [await readRun(base), await readRun(out)];
    const old = new Map(namedTensors(before.model));
    for (const [name, values] of namedTensors(after.model)) {
      const was = old.get(name);
      if (was === undefined || name === 'pos_embed') continue;
      expect(values.dataSync(), name).not.toEqual(was.dataSync());
    }
    expect(after.model.config).toEqual(config.model);
    expect(after.config.latentScale).toBe(before.config.latentScale);
    expect(await readFile(join(out, 'autoencoder.safetensors'))).toEqual(
      await readFile(join(base, 'autoencoder.safetensors')),
    );
  });

  it('ends with the same bits when it is stopped and goes on', async () => {
    const stopped = join(folder, 'stopped');
    const controller = new AbortController();
    const ended = train({
      config,
      out: stopped,
      signal: controller.signal,
      onProgress: ({ step }) => {
        if (step === 1) controller.abort(new Error('enough'));
      },
    });
    await expect(ended).rejects.toThrow('enough');
    await resumeRun({ run: stopped });
    const weights = 'model.safetensors';
    expect(await readFile(join(stopped, weights))).toEqual(await readFile(join(out, weights)));
  });

  it('reads the words of data that bring captions', async () => {
    const captions = ['a bold seven', 'a shy one leaning back', 'a seven'];
    const { data } = await readFittedRun(config, { needsLabels: false, fits: false });
    if (data.kind !== 'images') throw new Error('expected images');
    const half = { ...data.train, captions };
    const told = await withOwnWords(config, { ...data, train: half, test: half });
    expect(told.model.conditions?.[0]).toMatchObject({
      words: ['a', 'seven', 'bold', 'shy', 'one', 'leaning', 'back'],
      length: 5,
    });
    const again = { ...told, from: out };
    expect(await withOwnWords(again, { ...data, train: half, test: half })).toEqual(again);
  });

  it('is refused where it does not fit', async () => {
    const told = (condition: TrainConfig['model'], changes: object): TrainConfig => ({
      ...config,
      ...changes,
      model: { ...config.model, ...condition },
    });
    const error = async (action: Promise<unknown>): Promise<string> => {
      try {
        await action;
      } catch (problem) {
        return String(problem).replaceAll(folder, 'RUNS');
      }
      return 'taken';
    };
    const nowhere = join(folder, 'nowhere');
    const untold = join(folder, 'untold');
    const flow = join(folder, 'map');
    await writeRunConfig(untold, presetConfig('smoke', { conditions: ['text'] }));
    await copyFile(join(base, 'model.safetensors'), join(untold, 'model.safetensors'));
    const mapped = presetConfig('smoke', { objective: 'flow' });
    await writeRunConfig(flow, { ...mapped, latentScale: 1 });
    expect([
      await error(trainConfig({ from: base, condition: ['text'] })),
      await error(trainConfig({ from: untold, condition: ['label', 'text'] })),
      await error(trainConfig({ from: base, condition: ['label', 'text'], objective: 'eps' })),
      await error(trainConfig({ from: base, condition: ['label', 'none'] })),
      await error(trainConfig({ from: flow, condition: ['text'], objective: 'mean-flow' })),
      await error(trainConfig({ from: base })),
      await error(train({ config: told({ ...config.model, depth: 2 }, {}), out: nowhere })),
      await error(
        train({
          config: {
            ...config,
            from: out,
            model: { ...config.model, conditions: [], jointDropoutProb: 0 },
          },
          out: nowhere,
        }),
      ),
      await error(
        train({
          config: told(
            { ...config.model, classDropoutProb: 0, jointDropoutProb: 0 },
            { sampling: { ...config.sampling, guidance: 1 } },
          ),
          out: nowhere,
        }),
      ),
    ]).toMatchInlineSnapshot(`
      [
        "ValueError: train: --condition text: the model of RUNS/base is told label already. Write --condition label,text.",
        "ValueError: train: --condition label,text: the model of RUNS/untold has no classes, and a label cannot be added. Leave label out, or start from a run with labels.",
        "ValueError: train: --objective eps: a model with further conditions keeps its objective. Leave it out.",
        "ValueError: train: the conditions label, none are none and some. Leave none out, or name it alone.",
        "ValueError: train: --condition text: a flow map has no condition to choose. Leave it out.",
        "ValueError: train: --from RUNS/base: a flow map, a ControlNet or a model with further conditions starts from another run. Add --objective mean-flow, --control or --condition.",
        "ValueError: train: RUNS/base has another model.depth than the model with further conditions that is to start from it. Name the run again by --from, so that all settings are its own.",
        "ValueError: train: RUNS/told has another model.conditions.0 than the model with further conditions that is to start from it. Name the run again by --from, so that all settings are its own.",
        "ValueError: train: RUNS/base has another model.classDropoutProb than the model with further conditions that is to start from it. Name the run again by --from, so that all settings are its own.",
      ]
    `);
  });
});
