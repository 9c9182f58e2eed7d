import { describe, expect, it } from 'vitest';
import { loadMnist } from '@tessera/dit/node';
import { padImages, presetConfig, type ConditionValues } from '@tessera/dit';
import {
  captionOf,
  heldOutCombinations,
  isHeldOut,
  LONGEST_CAPTIONS,
  PHRASING_COUNT,
  strokeWords,
  trainingCaption,
  type StrokeWords,
} from '../../../packages/dit/src/data/measures/captions.ts';
import { mostTokens } from '../../../packages/dit/src/model/conditions/text.ts';
import { captionAt, conditionTable } from '../../../packages/dit/src/data/condition-values.ts';

const WEIGHTS = ['thin', 'thick', ''] as const;
const LEANS = ['left', 'upright', 'right'] as const;
const ALL: readonly StrokeWords[] = WEIGHTS.flatMap((weight) =>
  LEANS.map((lean) => ({ weight, lean })),
);

describe('a caption', () => {
  it('says digit, weight and lean', () => {
    expect(captionOf(7, { weight: 'thick', lean: 'right' })).toBe('a thick seven leaning right');
    expect(captionOf(7, { weight: 'thick', lean: 'right' }, 1)).toBe(
      'the digit seven, thick leaning right',
    );
    expect(captionOf(4, { weight: '', lean: 'upright' }, 2)).toBe('four upright');
    expect(captionOf(4, {}, 1)).toBe('the digit four');
    expect(captionOf(12, {})).toBe('a 12');
  });

  it('is known words in every phrasing, and fits into the text of the presets', () => {
    const { conditions = [] } = presetConfig('smoke', { conditions: ['text'] }).model;
    const [text] = conditions;
    if (text.kind !== 'text') expect.fail('has no text');
    const { length, words = [] } = text;
    const captions = ALL.flatMap((said) =>
      Array.from({ length: PHRASING_COUNT * 10 }, (_, i) => captionOf(i % 10, said, i)),
    );
    const pieces = new Set(captions.flatMap((caption) => caption.split(/[ ,]+/)));
    expect([...pieces].filter((piece) => !words.includes(piece))).toEqual([]);
    const longest = Math.max(...captions.map((caption) => caption.length));
    expect(Math.max(...LONGEST_CAPTIONS.map((caption) => caption.length))).toBe(longest);
    const most = mostTokens(captions, words);
    expect(most).toBe(mostTokens(LONGEST_CAPTIONS, words));
    expect(most).toBeLessThanOrEqual(length);
  });

  it('of training never says a combination that is held out', () => {
    const held = heldOutCombinations();
    expect(held).toHaveLength(10);
    const forbidden = new Set(
      held.flatMap(({ digit, ...words }) =>
        Array.from({ length: PHRASING_COUNT }, (_, i) => captionOf(digit, words, i)),
      ),
    );
    let said = 0;
    for (let image = 0; image < 400; image++) {
      for (let digit = 0; digit < 10; digit++) {
        for (const words of ALL) {
          const caption = trainingCaption(image, digit, words);
          expect(forbidden.has(caption), caption).toBe(false);
          if (!isHeldOut(digit, words) && caption.includes(words.lean)) said++;
        }
      }
    }
    expect(said).toBeGreaterThan(20_000); // the others are said
  });

  it('of MNIST uses every word, none for almost all', async () => {
    const { train } = await loadMnist();
    const captions = Array.from({ length: 600 }, (_, image) => captionAt(train, image));
    for (const word of [
      'thin',
      'thick',
      'leaning left',
      'leaning right',
      'upright',
      'the digit',
      'a drawing of',
    ]) {
      const share = captions.filter((caption) => caption.includes(word)).length / captions.length;
      expect(share, word).toBeGreaterThan(0.08);
      expect(share, word).toBeLessThan(0.6);
    }
  });
});

describe('words for strokes', () => {
  it('are those of the measures', () => {
    expect(strokeWords({ thickness: 2, slant: -0.3 })).toEqual({ weight: 'thin', lean: 'left' });
    expect(strokeWords({ thickness: 2.7, slant: 0.1 })).toEqual({ weight: '', lean: 'upright' });
    expect(strokeWords({ thickness: 4, slant: 0.5 })).toEqual({ weight: 'thick', lean: 'right' });
  });
});

describe('the conditions of a data set', () => {
  it('have the shapes that a model of every condition takes', async () => {
    const { train } = await loadMnist();
    const { model } = presetConfig('smoke', {
      conditions: ['label', 'thickness', 'slant', 'text', 'depth', 'sketch', 'lowres', 'inpaint'],
    });
    const set = { ...padImages({ ...train, count: 5 }, 32), labels: train.labels.subarray(0, 5) };
    const values = conditionTable(model, set).values(Int32Array.of(4, 0)) as ConditionValues;
    expect(
      Object.fromEntries(Object.entries(values).map(([name, { shape }]) => [name, shape])),
    ).toEqual({
      label: [2],
      thickness: [2],
      slant: [2],
      text: [2, 12],
      depth: [2, 1, 32, 32],
      sketch: [2, 1, 32, 32],
      lowres: [2, 1, 32, 32],
      inpaint: [2, 1, 32, 32],
    });
    const { depth, sketch, lowres } = conditionTable(model, set).arrays(Int32Array.of(0));
    for (const map of [depth, sketch, lowres]) {
      expect(Math.min(...map)).toBe(0);
      expect(Math.max(...map)).toBeGreaterThan(0.3);
      expect(Math.max(...map)).toBeLessThanOrEqual(1);
    }
    // Edges of strokes are a part of the strokes.
    expect([...sketch].every((edge, i) => edge === 0 || depth[i] > 0)).toBe(true);
  });

  it('are refused if they cannot be measured', async () => {
    const { train } = await loadMnist();
    const { model } = presetConfig('smoke');
    const odd = { kind: 'scalar', name: 'mood', range: [0, 1], dropoutProb: 0.1 } as const;
    expect(() => conditionTable({ ...model, conditions: [odd] }, train)).toThrow(
      "train: the condition 'mood' of kind scalar cannot be measured from images. Measured are text, thickness, slant, depth, sketch, lowres and inpaint.",
    );
    const depth = { kind: 'map', name: 'depth', size: 32, channels: 1, dropoutProb: 0.1 } as const;
    expect(() => conditionTable({ ...model, conditions: [depth] }, train)).toThrow(/28×28/);
  });
});
