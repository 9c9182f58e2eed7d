import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import {
  arange,
  compile,
  cpuBackend,
  key,
  setDefaultBackend,
  tensor,
  tree,
  wasmBackend,
  zeros,
  type Tensor,
} from '@tessera/tensor';
import { gradcheck } from '@tessera/autograd';
import { namedParameters, namedTensors, withFields } from '@tessera/autograd/nn';
import {
  DESIGNS,
  DiT,
  encodeTexts,
  withConditions,
  type ConditionConfig,
  type ModelConfig,
} from '@tessera/dit';
import { sidesOf } from '../../../packages/dit/src/config/ranges.ts';
import { ALL_CONDITIONS, anyConfig, asked, inputs, randomConditions } from './conditions.ts';
import { maxDifference, randomInputs, randomModel, TINY } from './sizes.ts';

describe('a model of any design and set of conditions', () => {
  it('gives a finite image of the input size, and the same for the null as for nothing', () => {
    fc.assert(
      fc.property(anyConfig, fc.nat(1000), (config, seed) => {
        const model = randomModel(config, key(seed));
        const { x, t, y } = inputs(config, 2, seed);
        const output = model.forward(x, t, asked(model, y, key(seed + 1)));
        expect(output.shape).toEqual([2, config.learnSigma ? 4 : 2, ...sidesOf(config.inputSize)]);
        expect(Number.isFinite(output.abs().max().itemSync())).toBe(true);
        const nothing = model.forward(x, t, {}).dataSync();
        expect(model.forward(x, t, model.nullConditions(2)).dataSync()).toEqual(nothing);
      }),
      { numRuns: 25 },
    );
  });

  it('computes the same for a sample, whatever else is in the batch', () => {
    fc.assert(
      fc.property(anyConfig, fc.nat(1000), (config, seed) => {
        const model = randomModel(config, key(seed));
        const { x, t, y } = inputs(config, 3, seed);
        const values = asked(model, y, key(seed + 1));
        const first = (whole: Tensor): Tensor => whole.slice([[0, 1]]);
        const alone = model.forward(first(x), first(t), tree.map(first, values));
        // Other batch sizes may sum in another order; outputs are of size 1 to 10.
        expect(maxDifference(alone, first(model.forward(x, t, values)))).toBeLessThan(5e-5);
      }),
      { numRuns: 15 },
    );
  });
});

describe.each(DESIGNS)('the %s design', (design) => {
  const plain = { ...TINY, design };
  const { x, t, y } = randomInputs(plain, 3, key(1));

  test.each([
    ['cpu', cpuBackend],
    ['wasm', wasmBackend],
  ] as const)(
    'computes bit for bit the same after a condition is added, on %s',
    (_name, backend) => {
      const before = setDefaultBackend(backend());
      try {
        const inputsHere = randomInputs(plain, 3, key(1));
        const model = randomModel(plain, key(0));
        const forward = compile((m: DiT, ...rest: Parameters<DiT['forward']>) =>
          m.forward(...rest),
        );
        const expected = model.forward(inputsHere.x, inputsHere.t, inputsHere.y).dataSync();
        const compiled = forward(model, inputsHere.x, inputsHere.t, inputsHere.y).dataSync();
        for (const conditions of [...ALL_CONDITIONS.map((each) => [each]), ALL_CONDITIONS]) {
          const extended = withConditions(model, conditions, key(7));
          const values = { ...randomConditions(extended, 3, key(8)), label: inputsHere.y };
          const { x: at, t: time } = inputsHere;
          expect(extended.forward(at, time, values).dataSync()).toEqual(expected);
          if (conditions.length === 1) continue;
          expect(forward(extended, at, time, values).dataSync()).toEqual(compiled);
        }
      } finally {
        setDefaultBackend(before);
      }
    },
  );

  test.each(ALL_CONDITIONS)('hears the $kind once its weights are not special', (condition) => {
    const model = randomModel({ ...plain, conditions: [condition] }, key(3));
    const [one, other] = [4, 5].map((seed) => ({
      label: y,
      ...randomConditions(model, 3, key(seed)),
    }));
    const output = model.forward(x, t, one);
    expect(maxDifference(output, model.forward(x, t, other))).toBeGreaterThan(1e-3);
    expect(maxDifference(output, model.forward(x, t, y))).toBeGreaterThan(1e-3);
  });

  test('has the right gradient through every condition', async () => {
    const model = randomModel({ ...plain, depth: 1, conditions: ALL_CONDITIONS }, key(3));
    const values = { label: y, ...randomConditions(model, 3, key(4)) };
    const forward = (conditions: DiT['conditions']): Tensor =>
      withFields(model, { conditions }).forward(x, t, values);
    expect(namedParameters(model.conditions).length).toBeGreaterThan(20);
    // The random weights bend the function: over the default step differences are off by more than rules.
    await gradcheck(forward, [model.conditions], { directions: 2, step: 2e-3 });
  });
});

describe('a model', () => {
  it('refuses sizes and probabilities that its conditions do not have, as a configuration does', () => {
    const blank = (changes: Partial<ModelConfig>): DiT =>
      DiT.blank({ ...TINY, conditions: ALL_CONDITIONS, ...changes });
    expect(() => blank({ jointDropoutProb: 7 })).toThrow(
      'DiT: jointDropoutProb must lie in [0, 1], but is 7.',
    );
    expect(() => blank({ jointDropoutProb: 0.1, conditions: [] })).toThrow(
      'DiT: jointDropoutProb 0.1 drops several conditions together, but the model has none',
    );
    const map = { kind: 'map', name: 'depth', size: 6, channels: 1, dropoutProb: 0.1 } as const;
    expect(() => blank({ conditions: [map] })).toThrow(
      "DiT: the map 'depth' has size 6, which is no multiple of inputSize 4.",
    );
  });
});

describe('a text beside another', () => {
  const text = ALL_CONDITIONS.find(({ kind }) => kind === 'text') ?? expect.fail('has no text');
  const title = { ...text, name: 'title' };

  it('is refused, since their tokens share an attention that is trained', () => {
    const reader = randomModel({ ...TINY, conditions: [text] }, key(0));
    const slant = ALL_CONDITIONS.find(({ kind }) => kind === 'scalar') ?? expect.fail('none');
    expect(() => withConditions(reader, [slant, title], key(1))).toThrowErrorMatchingInlineSnapshot(
      `[ValueError: withConditions: the model has learned to attend to tokens of a text, and those of 'title' would take a share of this attention. Add all texts at once, to a model without any.]`,
    );
    expect(Object.keys(withConditions(reader, [slant], key(1)).conditions)).toEqual([
      'text',
      slant.name,
    ]);
  });

  it('is taken with it by a model that reads none', () => {
    const { x, t, y } = randomInputs(TINY, 2, key(1));
    const model = randomModel(TINY, key(0));
    const extended = withConditions(model, [text, title], key(1));
    const values = { ...randomConditions(extended, 2, key(2)), label: y };
    expect(extended.forward(x, t, values).dataSync()).toEqual(model.forward(x, t, y).dataSync());
  });
});

describe('the weights of conditions', () => {
  it('stand beside those of the model, which keep their names and their start', () => {
    const plain = DiT.init(TINY, key(5));
    const extended = DiT.init({ ...TINY, conditions: ALL_CONDITIONS }, key(5));
    const tensors = new Map(namedTensors(extended));
    for (const [name, values] of namedTensors(plain)) {
      expect(tensors.get(name)?.dataSync(), name).toEqual(values.dataSync());
    }
    const names = [...tensors.keys()].filter((name) => name.startsWith('conditions.'));
    expect(names).toContain('conditions.text.blocks.0.attn.qkv.weight');
    expect(names).toContain('conditions.writer.embedding_table.weight');
    expect(names).toContain('conditions.slant.mlp.2.bias');
    expect(names).toContain('conditions.depth.columns.weight');
  });

  it('are trained: a gradient reaches them within three steps', () => {
    // The first layer of each waits for a second one, which waits for the model, all starting at zero.
    const names = (model: DiT): string[] => namedParameters(model).map(([name]) => name);
    expect(names(DiT.blank({ ...TINY, conditions: ALL_CONDITIONS }))).toContain(
      'blocks.0.context.attn.proj.weight',
    );
    expect(
      names(DiT.blank({ ...TINY, design: 'in-context', conditions: ALL_CONDITIONS })),
    ).toContain('blocks.1.context_gate');
    const scalar = ALL_CONDITIONS.filter(({ kind }) => kind === 'scalar');
    expect(
      names(DiT.blank({ ...TINY, conditions: scalar })).some((name) => name.includes('context')),
    ).toBe(false);
  });
});

describe('a text', () => {
  const condition: ConditionConfig = ALL_CONDITIONS[2];
  const config = { ...TINY, numClasses: 0, conditions: [condition] };
  const { x, t } = randomInputs(TINY, 2, key(1));
  const ids = (...texts: string[]): Tensor =>
    tensor(encodeTexts(texts, 6), { shape: [texts.length, 6] });

  it('is bytes and padding', () => {
    expect([...encodeTexts(['a 7', 'é'], 4)]).toEqual([97, 32, 55, 256, 0xc3, 0xa9, 256, 256]);
    expect(() => encodeTexts(['sevens!'], 6)).toThrow(
      'encodeTexts: the text "sevens!" has 7 bytes, but the model reads at most 6. Shorten it.',
    );
  });

  it('has a token for each known word, and bytes for what is none', () => {
    const words = ['a', 'seven', 'thin'];
    const known = (text: string, length: number): number[] => [
      ...encodeTexts([text], length, words),
    ];
    expect(known('a thin seven', 4)).toEqual([257, 259, 258, 256]);
    expect(known('thin,  7 ab c', 11)).toEqual([259, 44, 32, 32, 55, 32, 97, 98, 32, 99, 256]);
    expect(known('Seven', 5)).toEqual([83, 101, 118, 101, 110]);
    expect(() => encodeTexts(['a thin seve'], 5, words)).toThrow(
      'has 6 tokens: words that it knows, and bytes of others, but the model reads at most 5. Shorten it.',
    );
  });

  it('of words the model does not know has the same pieces as without spaces beside known ones', () => {
    const words = ['left', 'leaning', 'nine'];
    const piece = fc.constantFrom('left', 'leaning', 'nine', 'x', 'né', ',', ' ');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
        const text = pieces.join(' ');
        const tokens = [...encodeTexts([text], 64, words)].filter((token) => token !== 256);
        // Whoever puts the words back finds the text again, but for its spaces.
        const bytes = tokens.flatMap((token) =>
          token < 256 ? [token] : [...new TextEncoder().encode(words[token - 257])],
        );
        const read = new TextDecoder().decode(Uint8Array.from(bytes));
        expect(read.replaceAll(' ', '')).toBe(text.replaceAll(' ', ''));
      }),
    );
  });

  it('is read word by word', () => {
    const words = ['seven', 'nine'];
    const model = randomModel(
      { ...config, conditions: [{ ...condition, words } as ConditionConfig] },
      key(0),
    );
    const said = (...texts: string[]): Tensor =>
      model.forward(x, t, { text: tensor(encodeTexts(texts, 6, words), { shape: [2, 6] }) });
    expect(maxDifference(said('a nine', 'a nine'), said('a seven', 'a seven'))).toBeGreaterThan(
      1e-3,
    );
    expect(
      new Map(namedTensors(model)).get('conditions.text.token_embedding.weight')?.shape,
    ).toEqual([259, 8]);
  });

  test.each(DESIGNS)('does not hear the table row of padding: %s', (design) => {
    const model = randomModel({ ...config, design }, key(0));
    const output = model.forward(x, t, { text: ids('a 7', 'abcdef') });
    const table = new Map(namedTensors(model)).get('conditions.text.token_embedding.weight');
    const shifted = tree.map((leaf) => {
      if (leaf !== table) return leaf;
      const padding = arange(257).equal(256).unsqueeze(1);
      return padding.where(leaf.neg(), leaf);
    }, model);
    expect(maxDifference(shifted.forward(x, t, { text: ids('a 7', 'abcdef') }), output)).toBe(0);
    // The same row is the learned null, which is heard.
    const silent = model.forward(x, t, {});
    expect(maxDifference(shifted.forward(x, t, {}), silent)).toBeGreaterThan(1e-4);
  });

  it('that is empty is the null', () => {
    const model = randomModel(config, key(0));
    const nothing = model.forward(x, t, {}).dataSync();
    expect(model.forward(x, t, { text: ids('', '') }).dataSync()).toEqual(nothing);
  });
});

describe('dropping', () => {
  const model = DiT.init({ ...TINY, conditions: ALL_CONDITIONS, jointDropoutProb: 0.2 }, key(0));
  const count = 4000;
  const { y } = randomInputs(TINY, count, key(1));
  const values = { ...randomConditions(model, count, key(2)), label: y };
  const dropped = model.dropConditions(values, key(3)) as Record<string, Tensor>;
  const nulls = model.nullConditions(count);
  const isNull = (name: string): Tensor => {
    const same = dropped[name].equal(nulls[name]);
    return same.rank === 1 ? same : same.flatten(1).cast('int32').min(1).greater(0);
  };

  it('replaces each condition as often as told, and all of them together', () => {
    for (const name of ['label', 'writer', 'slant', 'text', 'depth']) {
      const share = isNull(name).cast('float32').mean().itemSync();
      const expected = 0.2 + 0.8 * 0.1;
      // Five standard deviations of a binomial share.
      expect(Math.abs(share - expected), name).toBeLessThan(5 * Math.sqrt((0.28 * 0.72) / count));
    }
    const all = ['label', 'writer', 'slant', 'text', 'depth']
      .map(isNull)
      .reduce((a, b) => a.and(b))
      .cast('float32')
      .mean()
      .itemSync();
    expect(Math.abs(all - 0.2)).toBeLessThan(5 * Math.sqrt(0.16 / count));
  });

  it('leaves what it keeps as it is', () => {
    const { slant: asGiven }: Record<string, Tensor> = values;
    const kept = isNull('slant').where(0, dropped['slant'].sub(asGiven));
    expect(kept.abs().max().itemSync()).toBe(0);
  });

  it('takes labels alone, and gives labels alone where the model knows nothing else', () => {
    const plain = DiT.init(TINY, key(0));
    expect((plain.dropConditions(y, key(3)) as Tensor).dataSync()).toEqual(
      plain.y_embedder.dropLabels(y, key(3)).dataSync(),
    );
    expect(Object.keys(model.dropConditions(y, key(3)))).toContain('text');
  });
});

describe('a model of no class', () => {
  it('has the null class alone and needs no label', () => {
    const model = randomModel({ ...TINY, numClasses: 0, classDropoutProb: 0 }, key(0));
    expect(model.y_embedder.embedding_table.weight.shape).toEqual([1, 16]);
    expect(model.nullClass).toBe(0);
    const { x, t } = randomInputs(TINY, 2, key(1));
    expect(model.forward(x, t, {}).shape).toEqual([2, 2, 4, 4]);
  });
});

describe('errors', () => {
  const model = DiT.blank({ ...TINY, conditions: ALL_CONDITIONS });
  const { x, t, y } = randomInputs(TINY, 2, key(1));

  it('name the condition and what was expected', () => {
    expect(() => model.forward(x, t, { label: y, colour: y })).toThrowErrorMatchingInlineSnapshot(
      `[ValueError: DiT: the model has no condition 'colour'. It has label, writer, slant, text, depth.]`,
    );
    expect(() => model.forward(x, t, { slant: y })).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: DiT: the condition 'slant' is int32[2], but float32[2] is expected.]`,
    );
    expect(() =>
      model.forward(x, t, { depth: zeros([2, 1, 4, 4]) }),
    ).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: DiT: the condition 'depth' is float32[2, 1, 4, 4], but float32[2, 1, 8, 8] is expected.]`,
    );
    expect(() =>
      DiT.blank({ ...TINY, conditions: [ALL_CONDITIONS[0], ALL_CONDITIONS[0]] }),
    ).toThrowErrorMatchingInlineSnapshot(
      `[FormatError: DiT: conditions: the whole value: must have different names, got a list of 2.]`,
    );
    expect(() => DiT.blank({ ...TINY, classDropoutProb: 0 }).forward(x, t, {})).toThrow(
      'null class',
    );
    expect(() =>
      withConditions(DiT.blank(TINY), [{ ...ALL_CONDITIONS[3], name: 'Depth' }], key(0)),
    ).toThrowErrorMatchingInlineSnapshot(
      `[FormatError: withConditions: conditions: 0.name: must be small letters, digits and hyphens, got "Depth".]`,
    );
  });
});
