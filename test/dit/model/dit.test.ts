import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { concat, key, tree, zeros, type Tensor } from '@tessera/tensor';
import { Buffer, loadTensors, namedParameters, namedTensors } from '@tessera/autograd/nn';
import { DiT, observe, patchify, unpatchify } from '@tessera/dit';
import { DESIGNS } from '../../../packages/dit/src/config/choices.ts';
import { maxDifference, randomInputs, randomModel, TINY } from './sizes.ts';

const BLOCK_KEYS = ['attn.qkv', 'attn.proj', 'mlp.fc1', 'mlp.fc2'];
const expand = (names: readonly string[]): string[] =>
  names.flatMap((name) => [`${name}.weight`, `${name}.bias`]);

describe('the names of the tensors', () => {
  const start = [
    ...expand(['x_embedder.proj', 't_embedder.mlp.0', 't_embedder.mlp.2']),
    'y_embedder.embedding_table.weight',
  ];
  const blocks = (names: readonly string[]): string[] =>
    [0, 1].flatMap((i) => expand(names).map((name) => `blocks.${i}.${name}`));
  const adaptive = ['final_layer.linear', 'final_layer.adaLN_modulation.1'];
  const learned = ['final_layer.norm_final', 'final_layer.linear'];
  const [qkv, proj, fc1, fc2] = BLOCK_KEYS;
  const expected = {
    'adaln-zero': [...blocks([...BLOCK_KEYS, 'adaLN_modulation.1']), ...expand(adaptive)],
    adaln: [...blocks([...BLOCK_KEYS, 'adaLN_modulation.1']), ...expand(adaptive)],
    'in-context': [...blocks(['norm1', qkv, proj, 'norm2', fc1, fc2]), ...expand(learned)],
    'cross-attention': [
      ...blocks(
        [
          'norm1',
          qkv,
          proj,
          'norm2',
          'cross_attn.q',
          'cross_attn.kv',
          'cross_attn.proj',
          'norm3',
        ].concat([fc1, fc2]),
      ),
      ...expand(learned),
    ],
    modern: [
      ...blocks([qkv, proj, 'mlp.w12', 'mlp.w3', 'adaLN_modulation.1']),
      ...expand(adaptive),
    ],
  };

  test.each(DESIGNS)('are those of the checkpoints, in their order: %s', (design) => {
    const model = DiT.blank({ ...TINY, design });
    const parameters = [...start, ...expected[design]];
    expect(namedTensors(model).map(([name]) => name)).toEqual(['pos_embed', ...parameters]);
    expect(namedParameters(model).map(([name]) => name)).toEqual(parameters);
  });

  it('have the shapes of the checkpoints', () => {
    const shapes = new Map(namedTensors(DiT.blank(TINY)).map(([name, { shape }]) => [name, shape]));
    expect(shapes.get('pos_embed')).toEqual([1, 4, 16]);
    expect(shapes.get('x_embedder.proj.weight')).toEqual([16, 2, 2, 2]);
    expect(shapes.get('t_embedder.mlp.0.weight')).toEqual([16, 256]);
    expect(shapes.get('y_embedder.embedding_table.weight')).toEqual([6, 16]);
    expect(shapes.get('blocks.1.attn.qkv.weight')).toEqual([48, 16]);
    expect(shapes.get('blocks.1.mlp.fc1.weight')).toEqual([64, 16]);
    expect(shapes.get('blocks.1.adaLN_modulation.1.weight')).toEqual([96, 16]);
    expect(shapes.get('final_layer.linear.weight')).toEqual([8, 16]);
    expect(shapes.get('final_layer.adaLN_modulation.1.bias')).toEqual([32]);
  });
});

describe('the start', () => {
  const config = { ...TINY, hiddenSize: 64, numClasses: 100 };
  const tensors = new Map(namedTensors(DiT.init(config, key(0))));
  const weightOf = (name: string): Tensor => {
    const found = tensors.get(name);
    if (found === undefined) throw new Error(name);
    return found;
  };

  it('is Xavier-uniform in attention and MLP', () => {
    for (const [name, fans] of [
      ['blocks.0.attn.qkv.weight', 64 + 192],
      ['blocks.1.attn.proj.weight', 128],
      ['blocks.0.mlp.fc1.weight', 320],
      ['blocks.1.mlp.fc2.weight', 320],
    ] as const) {
      const bound = Math.sqrt(6 / fans);
      const largest = weightOf(name).abs().max().itemSync();
      expect(largest).toBeLessThanOrEqual(bound);
      expect(largest).toBeGreaterThan(0.98 * bound);
    }
  });

  it('is normal with deviation 0.02 in the embedders', () => {
    for (const name of [
      't_embedder.mlp.0.weight',
      't_embedder.mlp.2.weight',
      'y_embedder.embedding_table.weight',
    ]) {
      const variance = weightOf(name).variance().itemSync();
      // At least 4096 values: the deviation is known to 0.02 / √8192, of which this is six times.
      expect(Math.abs(Math.sqrt(variance) - 0.02)).toBeLessThan(0.0014);
    }
  });

  it('is zero in biases, modulations and decoder', () => {
    for (const [name, values] of tensors) {
      if (!/bias$|adaLN|final_layer/.test(name)) continue;
      expect(values.abs().max().itemSync(), name).toBe(0);
    }
  });

  test.each(DESIGNS)('predicts 0: %s', (design) => {
    const model = DiT.init({ ...TINY, design }, key(0));
    const { x, t, y } = randomInputs(TINY, 2, key(1));
    expect(model.forward(x, t, y).abs().max().itemSync()).toBe(0);
  });

  it('differs from key to key and is the same for one', () => {
    const weight = (seed: number): Tensor => DiT.init(TINY, key(seed)).x_embedder.proj.weight;
    expect(maxDifference(weight(1), weight(1))).toBe(0);
    expect(maxDifference(weight(1), weight(2))).toBeGreaterThan(0.1);
  });
});

describe.each(DESIGNS)('forward: %s', (design) => {
  test.each([
    [1, false],
    [2, true],
    [4, false],
  ])('gives an image of the input size: patch %i, learnSigma %s', (patchSize, learnSigma) => {
    const config = { ...TINY, design, patchSize, learnSigma };
    const { x, t, y } = randomInputs(config, 3, key(1));
    expect(DiT.init(config, key(0)).forward(x, t, y).shape).toEqual([3, learnSigma ? 4 : 2, 4, 4]);
  });

  test('treats every sample of a batch on its own', () => {
    const config = { ...TINY, design };
    const model = randomModel(config, key(0));
    fc.assert(
      fc.property(fc.shuffledSubarray([0, 1, 2], { minLength: 1 }), fc.nat(), (some, seed) => {
        const { x, t, y } = randomInputs(config, 3, key(seed));
        const pick = (from: Tensor): Tensor =>
          concat(
            some.map((i) => from.slice([[i, i + 1]])),
            0,
          );
        const alone = model.forward(pick(x), pick(t), pick(y));
        // Other batch sizes may sum in another order; outputs are of size 1 to 10.
        expect(maxDifference(alone, pick(model.forward(x, t, y)))).toBeLessThan(2e-5);
      }),
      { numRuns: 15 },
    );
  });

  test('knows places only by the position encoding', () => {
    const config = { ...TINY, design };
    const random = randomModel(config, key(0));
    const model = Object.assign(
      tree.map((leaf) => leaf, random),
      {
        pos_embed: new Buffer(zeros([1, 4, 16])),
      },
    );
    const { x, t, y } = randomInputs(config, 2, key(1));
    const shuffle = (images: Tensor): Tensor => {
      const patches = patchify(images, 2).split([1, 1, 1, 1], 1);
      const shuffledPatches = concat(
        [2, 0, 3, 1].map((i) => patches[i]),
        1,
      );
      return unpatchify(shuffledPatches, 2, [2, 2]);
    };
    const shuffled = model.forward(shuffle(x), t, y);
    const difference = maxDifference(shuffled, shuffle(model.forward(x, t, y)));
    // The modern design turns queries and keys by their places.
    if (design === 'modern') expect(difference).toBeGreaterThan(0.01);
    else expect(difference).toBeLessThan(2e-5);
    expect(
      maxDifference(random.forward(shuffle(x), t, y), shuffle(random.forward(x, t, y))),
    ).toBeGreaterThan(0.01);
  });
});

describe('the 1-D position encoding', () => {
  it('is a buffer of one row a token', () => {
    const model = DiT.blank({ ...TINY, position: '1d' });
    expect(model.pos_embed.value.shape).toEqual([1, 4, 16]);
    const first = Array.from(model.pos_embed.value.select(1, 1).dataSync().slice(0, 2));
    expect(first).toEqual([Math.fround(Math.sin(1)), Math.fround(Math.cos(1))]);
    expect(namedParameters(model).some(([name]) => name === 'pos_embed')).toBe(false);
  });
});

describe('errors', () => {
  const model = DiT.blank(TINY);
  const { x, t, y } = randomInputs(TINY, 2, key(1));

  it('name the shapes that clash', () => {
    expect(() => model.forward(x.select(0, 0), t, y)).toThrow('DiT: x is [2, 4, 4]');
    expect(() => model.forward(x, t, y.slice([[0, 1]]))).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: DiT: x is [2, 2, 4, 4], t is [2], y is [1]: [B, 2, 4, 4], [B] and [B] expected.]`,
    );
    expect(() => DiT.blank({ ...TINY, patchSize: 3 })).toThrow(
      'DiT: patchSize 3 does not divide inputSize 4.',
    );
  });
});

describe('observe', () => {
  it('reports every module by its path and leaves the output as it is', () => {
    const model = randomModel(TINY, key(0));
    const { x, t, y } = randomInputs(TINY, 2, key(1));
    const seen = new Map<string, readonly number[]>();
    const out = observe(model, (path, output) => seen.set(path, output.shape)).forward(x, t, y);
    expect(maxDifference(out, model.forward(x, t, y))).toBe(0);
    expect(Object.fromEntries([...seen].filter(([path]) => !path.startsWith('blocks.1')))).toEqual({
      't_embedder.mlp.0': [2, 16],
      't_embedder.mlp.2': [2, 16],
      t_embedder: [2, 16],
      'y_embedder.embedding_table': [2, 16],
      y_embedder: [2, 16],
      'x_embedder.proj': [2, 16, 2, 2],
      x_embedder: [2, 4, 16],
      'blocks.0.adaLN_modulation.1': [2, 96],
      'blocks.0.adaLN_modulation': [2, 96],
      'blocks.0.norm1': [2, 4, 16],
      'blocks.0.attn.qkv': [2, 4, 48],
      'blocks.0.attn.proj': [2, 4, 16],
      'blocks.0.attn': [2, 4, 16],
      'blocks.0.norm2': [2, 4, 16],
      'blocks.0.mlp.fc1': [2, 4, 64],
      'blocks.0.mlp.fc2': [2, 4, 16],
      'blocks.0.mlp': [2, 4, 16],
      'blocks.0': [2, 4, 16],
      'final_layer.norm_final': [2, 4, 16],
      'final_layer.adaLN_modulation.1': [2, 32],
      'final_layer.adaLN_modulation': [2, 32],
      'final_layer.linear': [2, 4, 8],
      final_layer: [2, 4, 8],
      '': [2, 2, 4, 4],
    });
  });

  it('goes on reporting with other tensors in the same model', () => {
    const model = randomModel(TINY, key(0));
    const { x, t, y } = randomInputs(TINY, 2, key(1));
    let last: Tensor | undefined;
    const observed = observe(model, (path, output) => {
      if (path === '') last = output;
    });
    const doubled = tree.map((leaf) => leaf.mul(2), observed);
    const out = doubled.forward(x, t, y);
    expect(last).toBe(out);
    const plain = tree.map((leaf) => leaf.mul(2), model);
    expect(maxDifference(out, plain.forward(x, t, y))).toBe(0);
  });
});

describe('a blank model', () => {
  it('takes the tensors of another', () => {
    const model = randomModel(TINY, key(4));
    const loaded = loadTensors(DiT.blank(TINY), new Map(namedTensors(model)));
    const { x, t, y } = randomInputs(TINY, 2, key(1));
    expect(maxDifference(loaded.forward(x, t, y), model.forward(x, t, y))).toBe(0);
  });
});
