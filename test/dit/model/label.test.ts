import { describe, expect, it } from 'vitest';
import { arange, full, key, tensor } from '@tessera/tensor';
import { LabelEmbedder, officialStart } from '@tessera/dit';

const embedder = (dropoutProb: number): LabelEmbedder =>
  new LabelEmbedder(10, 4, { dropoutProb, key: key(0), start: officialStart });

describe('LabelEmbedder', () => {
  it('has one more row, the null class, if labels are dropped', () => {
    expect(embedder(0.1).embedding_table.weight.shape).toEqual([11, 4]);
    expect(embedder(0.1).nullClass).toBe(10);
    expect(embedder(0).embedding_table.weight.shape).toEqual([10, 4]);
    expect(() => embedder(0).nullClass).toThrowErrorMatchingInlineSnapshot(
      `[StateError: LabelEmbedder: a model with label dropout 0 has no null class. Train with classDropoutProb above 0 to use guidance.]`,
    );
  });

  it('looks labels up', () => {
    const { embedding_table } = embedder(0.1);
    const rows = embedder(0.1).forward(tensor([10, 3], { dtype: 'int32' }));
    expect(rows.select(0, 0).toArraySync()).toEqual(
      embedding_table.weight.select(0, 10).toArraySync(),
    );
    expect(rows.select(0, 1).toArraySync()).toEqual(
      embedding_table.weight.select(0, 3).toArraySync(),
    );
  });

  it('drops labels by a mask', () => {
    const labels = tensor([4, 5, 6], { dtype: 'int32' });
    const dropped = embedder(0.1).dropWhere(labels, tensor([true, false, true]));
    expect(dropped.dtype).toBe('int32');
    expect(dropped.toArraySync()).toEqual([10, 5, 10]);
  });

  it('drops labels at random, as often as told and otherwise not at all', () => {
    const count = 20_000;
    const labels = full([count], 7, 'int32');
    const dropped = embedder(0.1).dropLabels(labels, key(1));
    const nulls = dropped.equal(10).sum().itemSync();
    expect(nulls + dropped.equal(7).sum().itemSync()).toBe(count);
    // Five standard deviations of a binomial count.
    expect(Math.abs(nulls - 0.1 * count)).toBeLessThan(5 * Math.sqrt(count * 0.1 * 0.9));
    const all = arange(10);
    expect(embedder(1).dropLabels(all, key(2)).toArraySync()).toEqual(
      new Array<number>(10).fill(10),
    );
    expect(embedder(0).dropLabels(all, key(2)).toArraySync()).toEqual(all.toArraySync());
  });
});
