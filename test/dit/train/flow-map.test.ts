import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { valueAndGrad } from '@tessera/autograd';
import {
  compiledTrainStep,
  DiT,
  flowMapConfig,
  flowMapLoss,
  initialState,
  parseTrainConfig,
  presetConfig,
  withDecoder,
  type Conditioning,
  type DiffusionConfig,
  type AutoencoderTrainConfig,
  type TrainConfig,
} from '@tessera/dit';
import { readRunConfig, train } from '@tessera/dit/node';
import { key, normal, tensor, tree, zeros } from '@tessera/tensor';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readRun } from '../../../packages/dit/src/sample/sample-run.ts';
import { accumulated } from '../../../packages/dit/src/train/accumulate.ts';
import { ALL_CONDITIONS, randomConditions } from '../model/conditions.ts';
import { randomModel } from '../model/sizes.ts';
import { briefConfig, writeFirstDigits } from './tiny-run.ts';

const smoke = presetConfig('smoke', { objective: 'flow' });
const flow: AutoencoderTrainConfig = {
  ...smoke,
  autoencoder: { ...smoke.autoencoder, channels: [2, 2], latentChannels: 2 },
  model: { ...smoke.model, inChannels: 2, hiddenSize: 16, depth: 2, numHeads: 2 },
  latentScale: 1,
};
const config = flowMapConfig(flow, 'runs/flow', { batch: 8 });
const posterior = { mean: normal(key(1), [8, 2, 8, 8]), logVariance: zeros([8, 2, 8, 8]) };
const labels = tensor(Int32Array.from({ length: 8 }, (_, i) => i));
const teacher = randomModel(flow.model, key(2));
const map = withDecoder(teacher, 1);

/** How far gradients are apart, beside the largest number of their tensor. */
function distance(a: unknown, b: unknown): number {
  const others = tree.leaves(b);
  const each = tree.leaves(a).map((x, i) => {
    const largest = Math.max(1e-20, x.abs().max().itemSync());
    return x.sub(others[i]).abs().max().itemSync() / largest;
  });
  return Math.max(...each);
}

describe('the loss of a flow map', () => {
  const loss = flowMapLoss(config, 1, teacher);
  const batch = { posterior, labels };

  it('is the same by micro-batches, and with blocks computed again', () => {
    const { value, grads } = valueAndGrad(loss)(map, batch, key(3));
    const others = [
      accumulated(loss, 4)(map, batch, key(3)),
      valueAndGrad(flowMapLoss(config, 1, teacher, { checkpoint: 2 }))(map, batch, key(3)),
    ];
    for (const other of others) {
      expect(other.value.itemSync()).toBeCloseTo(value.itemSync(), 4);
      // Sums in other orders, through two blocks and their derivative.
      expect(distance(grads, other.grads)).toBeLessThan(1e-3);
    }
  });

  it('follows another flow under another guidance, and the same one where nothing is asked for', () => {
    const at = (guidance: number, y: Conditioning): number => {
      const guided = { ...config, diffusion: { ...config.diffusion, guidance } };
      return flowMapLoss(guided, 1, teacher)(map, { posterior, labels: y }, key(4)).itemSync();
    };
    expect(Math.abs(at(1, labels) - at(4, labels))).toBeGreaterThan(1e-3);
    const nothing = tensor(new Int32Array(8).fill(teacher.nullClass));
    expect(at(1, nothing)).toBeCloseTo(at(4, nothing), 5);
  });

  it('trains a model of all conditions, compiled', () => {
    const model = { ...config.model, depth: 2, conditions: ALL_CONDITIONS.slice(1, 3) };
    const { decoderDepth: _, ...plain } = model;
    const start = randomModel(plain, key(5));
    const of = { ...config, model };
    const step = compiledTrainStep(flowMapLoss(of, 1, start), of.optimizer, 10);
    const asked = { label: labels, ...randomConditions(start, 8, key(6)) };
    let state = initialState(withDecoder(start, 1), key(7));
    for (let i = 0; i < 2; i++) {
      const [next, { loss: found, gradNorm }] = step(state, { posterior, labels: asked });
      state = next;
      expect(found.itemSync()).toBeGreaterThan(0);
      expect(gradNorm.itemSync()).toBeGreaterThan(0);
    }
  });
});

describe('the configuration of a flow map', () => {
  it('round-trips, and takes what changes', () => {
    const changed = flowMapConfig(flow, 'runs/flow', { steps: 7, seed: 3, accumulate: 2 });
    expect(parseTrainConfig(JSON.parse(JSON.stringify(changed)))).toEqual(changed);
    expect(changed).toMatchObject({ from: 'runs/flow', steps: 7, seed: 3, accumulate: 2 });
    expect(changed.sampling).toEqual({ guidance: 1, steps: 4, sampler: 'euler' });
    expect(changed.diffusion).toMatchObject({ objective: 'mean-flow', guidance: 2 });
  });

  it.each<[string, Partial<TrainConfig>, Partial<DiffusionConfig>]>([
    ['a contrastive term', {}, { contrastive: 0.05 }],
    ['weights', {}, { weighting: 'min-snr' }],
    ['single timesteps', {}, { timestepSampling: 'loss-second-moment' }],
    ['a setting of noise schedules', {}, { zeroTerminalSnr: true }],
    ['guidance without a null class', { model: { ...config.model, classDropoutProb: 0 } }, {}],
    ['no decoder', { model: flow.model }, {}],
    ['another objective', {}, { objective: 'flow' }],
    ['guided samples', { sampling: { ...config.sampling, guidance: 3 } }, {}],
    ['a sampler of flows', { sampling: { ...config.sampling, sampler: 'heun' } }, {}],
  ])('refuses %s', (_, changes, diffusion) => {
    const all = { ...config, ...changes, diffusion: { ...config.diffusion, ...diffusion } };
    expect(() => parseTrainConfig(all)).toThrowErrorMatchingSnapshot();
  });

  it('refuses a run that is no flow', () => {
    expect(() => flowMapConfig(presetConfig('smoke'), 'runs/v')).toThrowErrorMatchingInlineSnapshot(
      `[ValueError: flowMapConfig: a flow map follows a flow, but runs/v was trained with the objective v. Train one with --objective flow first.]`,
    );
    expect(() =>
      presetConfig('smoke', { objective: 'mean-flow' }),
    ).toThrowErrorMatchingInlineSnapshot(
      `[ValueError: presetConfig: the objective mean-flow follows the flow of a trained run, so no preset has it. Use flowMapConfig, or tessera train --objective mean-flow --from RUN.]`,
    );
    const { from: _, ...lost } = config;
    expect(() => parseTrainConfig(lost)).toThrowErrorMatchingInlineSnapshot(
      `[FormatError: parseTrainConfig: config: the objective mean-flow follows the flow of another run, but from names none. Name its folder.]`,
    );
  });
});

describe('a run that makes a flow map of another', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tessera-map-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('takes over autoencoder and flow, and draws in one step', { timeout: 120_000 }, async () => {
    const data = join(folder, 'digits');
    await writeFirstDigits(data, 60);
    const brief = briefConfig(data);
    const out = join(folder, 'flow');
    await train({
      config: {
        ...brief,
        model: { ...brief.model, depth: 2 },
        diffusion: { ...brief.diffusion, objective: 'flow' },
        sampling: { guidance: 2, steps: 2, sampler: 'euler' },
      },
      out,
    });
    const ofFlow = await readRunConfig(out);
    const stages: string[] = [];
    const mapped = await train({
      config: flowMapConfig(ofFlow, out, { steps: 3 }),
      out: join(folder, 'map'),
      onStage: ({ name }) => stages.push(name),
    });
    expect(stages).toEqual(['diffusion']);
    const [before, after] = [await readRun(out), await readRun(mapped)];
    expect(after.config.latentScale).toBe(ofFlow.latentScale);
    expect(distance(before.autoencoder, after.autoencoder)).toBe(0);
    expect(distance(before.model, after.model)).toBeGreaterThan(0);
    for (const steps of [1, 2]) {
      expect((await after.draw([3, 1], { steps })).every(Number.isFinite)).toBe(true);
    }
    const late = { guidance: 2 } as const;
    await expect((async () => after.draw([3], late))()).rejects.toThrowErrorMatchingInlineSnapshot(
      `[ValueError: generate: guidance 2 is too late for a flow map, which was trained with guidance 2. Leave it out, or train another map with diffusion.guidance.]`,
    );
    await expect((async () => after.draw([3], { scales: { label: 2 } }))()).rejects.toThrow(
      'scales',
    );
    const other = { ...flowMapConfig(ofFlow, out, { steps: 3 }) };
    const wider = { ...other, autoencoder: { ...brief.autoencoder, channels: [3, 4] } };
    const error = await train({ config: wider, out: join(folder, 'odd') }).catch(String);
    expect(error.replace(out, 'FLOW')).toMatchInlineSnapshot(
      `"ValueError: train: FLOW has another autoencoder.channels.0 than the flow map that is to start from it. Name the run again by --from, so that all settings are its own."`,
    );
    const again = flowMapConfig({ ...ofFlow }, mapped, { steps: 3 });
    await expect(train({ config: again, out: join(folder, 'again') })).rejects.toThrow(
      'was trained with the objective mean-flow, but a flow map follows a flow',
    );
  });
});

it('starts as its flow, of which steps without length have no loss', () => {
  const instant = { ...config, diffusion: { ...config.diffusion, instantShare: 1, guidance: 1 } };
  const still = DiT.init(flow.model, key(8));
  const random = randomModel(flow.model, key(9));
  for (const model of [still, random]) {
    const start = withDecoder(model, 1);
    const found = flowMapLoss(instant, 1, model)(start, { posterior, labels }, key(10));
    expect(found.itemSync()).toBe(0);
  }
});
