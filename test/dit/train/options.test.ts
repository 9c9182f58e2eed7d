/** Options of a training: optimizer, learning rate, averages, and what is written on the way. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { key, normal, ones, tensor, zeros, type Tensor } from '@tessera/tensor';
import { namedTensors } from '@tessera/autograd/nn';
import { compiledTrainStep, DiT, initialState, presetConfig, trainStep, zoo } from '@tessera/dit';
import { readLog, readRun, train } from '@tessera/dit/node';
import { learningRateOf, matricesOf } from '../../../packages/dit/src/train/optimizer.ts';
import { briefConfig, writeFirstDigits } from './tiny-run.ts';

const { optimizer: plain } = presetConfig('smoke');
const numbers = (x: Tensor): number[] => Array.from(x.dataSync());

/** A model of one block, and a loss that has a gradient for each of its tensors. */
interface Toy {
  readonly blocks: readonly { readonly fc: { readonly weight: Tensor; readonly bias: Tensor } }[];
  readonly embedding: Tensor;
}
const toy: Toy = {
  blocks: [{ fc: { weight: normal(key(1), [3, 4]), bias: ones([3]) } }],
  embedding: normal(key(2), [2, 4]),
};
const loss = ({ blocks: [{ fc }], embedding }: Toy, x: Tensor): Tensor =>
  x.add(embedding.sum(0)).matmul(fc.weight.transpose()).add(fc.bias).square().mean();
const batch = normal(key(3), [5, 4]);

describe('the optimizer of a step', () => {
  const muon = {
    ...plain,
    name: 'muon',
    learningRate: 0.3,
    warmupSteps: 2,
    emaDecays: [0, 0.9],
  } as const;

  it('is Muon on request, compiled as eager', () => {
    let eager = initialState(toy, key(0), muon);
    let fast = eager;
    const step = trainStep(loss, muon, 20);
    const compiled = compiledTrainStep(loss, muon, 20);
    let [first, last] = [0, 0];
    for (let i = 0; i < 20; i++) {
      const [next, { loss: value }] = step(eager, batch);
      eager = next;
      [fast] = compiled(fast, batch);
      last = value.itemSync();
      if (i === 0) first = last;
    }
    expect(last).toBeLessThan(0.5 * first);
    const other = namedTensors(fast.model);
    for (const [i, [, x]] of namedTensors(eager.model).entries()) {
      // Twenty steps of Newton–Schulz, whose kernels may round elsewhere.
      expect(Math.max(...numbers(x.sub(other[i][1]).abs()))).toBeLessThan(1e-4);
    }
    expect(eager.optimizer).toHaveProperty('momentum');
  });

  it('keeps an average for each decay: that of 0 is the model', () => {
    let state = initialState(toy, key(0), muon);
    const step = trainStep(loss, muon, 20);
    for (let i = 0; i < 3; i++) [state] = step(state, batch);
    const [raw, slow] = state.averages ?? [];
    expect(numbers(raw.embedding)).toEqual(numbers(state.model.embedding));
    // The warm-up of a young average, (1 + k) / (10 + k), is below both decays: they follow alike.
    expect(numbers(slow.embedding)).toEqual(numbers(state.average.embedding));
    const without = initialState(toy, key(0), { ...muon, emaDecays: [] });
    expect(() => step(without, batch)).toThrow(
      'trainStep: the state has 0 further averages, the settings name 2 emaDecays. Make it with initialState(model, key, settings).',
    );
  });

  it('decays matrices only, on request', () => {
    const still = (model: Toy): Tensor => loss(model, zeros([1, 4])).mul(0);
    const after = (changes: object): Toy => {
      const settings = { ...plain, weightDecay: 0.5, warmupSteps: 0, ...changes };
      return trainStep(still, settings, 2)(initialState(toy, key(0), settings), batch)[0].model;
    };
    const shrinks = (model: Toy): boolean[] => [
      numbers(model.blocks[0].fc.weight)[0] !== numbers(toy.blocks[0].fc.weight)[0],
      numbers(model.blocks[0].fc.bias)[0] !== 1,
      numbers(model.embedding)[0] !== numbers(toy.embedding)[0],
    ];
    expect(shrinks(after({}))).toEqual([true, true, true]);
    expect(shrinks(after({ decayed: 'matrices' }))).toEqual([true, false, false]);
    expect(shrinks(after({ decayed: 'matrices', name: 'muon' }))).toEqual([true, false, false]);
  });

  it('is Muon for the weights of blocks, each role a matrix of its own', () => {
    const model = DiT.blank({ ...zoo['DiT-S/8'], depth: 1, design: 'cross-attention' });
    const counts = namedTensors(model).map(([path, x]) => [path, matricesOf(path, x)] as const);
    expect(counts.filter(([, count]) => count > 0)).toMatchInlineSnapshot(`
      [
        [
          "blocks.0.attn.qkv.weight",
          3,
        ],
        [
          "blocks.0.attn.proj.weight",
          1,
        ],
        [
          "blocks.0.cross_attn.q.weight",
          1,
        ],
        [
          "blocks.0.cross_attn.kv.weight",
          2,
        ],
        [
          "blocks.0.cross_attn.proj.weight",
          1,
        ],
        [
          "blocks.0.mlp.fc1.weight",
          1,
        ],
        [
          "blocks.0.mlp.fc2.weight",
          1,
        ],
      ]
    `);
    const zero = DiT.blank({ ...zoo['DiT-S/8'], depth: 1, design: 'adaln-zero' });
    const modulation = namedTensors(zero).find(([path]) => path.includes('blocks.0.adaLN'));
    expect(matricesOf(...(modulation ?? ['', ones([1])]))).toBe(6);
  });
});

describe('the learning rate', () => {
  const at = (schedule: object, step: number): number =>
    learningRateOf(
      { ...plain, learningRate: 1, warmupSteps: 4, finalLrFraction: 0.1, ...schedule },
      20,
    )(tensor(step, { dtype: 'int32' })).itemSync();

  it.each(['cosine', 'constant', 'linear', 'trapezoid'] as const)(
    'rises to its peak before %s',
    (schedule) => {
      expect([0, 1, 2, 3].map((step) => at({ schedule }, step))).toEqual([0.25, 0.5, 0.75, 1]);
      expect(at({ schedule }, 4)).toBe(1);
      const floor = schedule === 'constant' ? 1 : 0.1;
      expect(at({ schedule }, 20)).toBeCloseTo(floor, 6);
    },
  );

  it('of a trapezoid falls in the last steps only', () => {
    const schedule = { schedule: 'trapezoid', decayFraction: 0.25 };
    expect([14, 15].map((step) => at(schedule, step))).toEqual([1, 1]);
    expect(at(schedule, 16)).toBeCloseTo(1 - 0.9 / 5, 6);
  });

  it('is a cosine unless it is named', () => {
    expect(at({}, 11)).toBe(at({ schedule: 'cosine' }, 11));
  });
});

describe('a run', () => {
  let folder = '';
  let data = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tessera-options-'));
    data = join(folder, 'data');
    await writeFirstDigits(data, 64);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('has the same bits with pictures, rows and averages at any intervals', async () => {
    const config = briefConfig(data);
    const [one, other] = [join(folder, 'one'), join(folder, 'other')];
    await train({ config, out: one });
    const optimizer = { ...config.optimizer, emaDecays: [0, 0.2] };
    await train({ config: { ...config, optimizer, sampleEvery: 5, logEvery: 4 }, out: other });
    expect(await readFile(join(other, 'model.safetensors'))).toEqual(
      await readFile(join(one, 'model.safetensors')),
    );
    expect((await readdir(join(other, 'samples'))).sort()).toEqual([
      'step-000005.png',
      'step-000010.png',
    ]);
    const rows = await readLog(join(other, 'log.jsonl'));
    const steps = rows.filter(({ stage }) => stage === 'diffusion').map(({ step }) => step);
    expect(steps).toEqual([1, 4, 8, 12]);
    const head = async (options = {}): Promise<Uint8Array> => {
      const { model } = await readRun(other, options);
      return new Uint8Array((await model.x_embedder.proj.weight.data()).buffer);
    };
    expect(await head({ ema: 0.2 })).not.toEqual(await head());
    expect(await head({ ema: 0 })).not.toEqual(await head());
    expect(await head({ ema: 0.999 })).toEqual(await head());
    await expect(readRun(other, { ema: 0.5 })).rejects.toThrow(
      /^readRun: ema 0\.5: .* keeps the averages of decay 0\.999, 0, 0\.2\. Name one of them\.$/,
    );
  });

  it('trains by Muon on a trapezoid', async () => {
    const config = briefConfig(data);
    const out = join(folder, 'muon');
    const optimizer = { ...config.optimizer, name: 'muon', schedule: 'trapezoid' } as const;
    await train({ config: { ...config, optimizer }, out });
    const rows = (await readLog(join(out, 'log.jsonl'))).filter(
      ({ stage }) => stage === 'diffusion',
    );
    expect(rows).toHaveLength(12);
    expect(rows.every((row) => Number.isFinite(row.loss))).toBe(true);
  });
});
