import { vjpEntry, vjpTable } from '@tessera/autograd';
import { composites, primitives } from '@tessera/tensor/extend';
import { describe, expect, it } from 'vitest';
import { cases } from './cases.ts';

const operations = Object.values({ ...primitives, ...composites });
const rows = Object.entries(vjpTable);

describe('the gradient table', () => {
  it('has one row for every operation and no other', () => {
    expect(Object.keys(vjpTable).sort()).toEqual(operations.map(({ name }) => name).sort());
  });

  it('gives a reason wherever it gives no rule', () => {
    const declared = rows.filter(([, row]) => typeof row === 'object');
    expect(
      Object.fromEntries(
        declared.map(([name, row]) => [name, typeof row === 'object' && row.reason]),
      ),
    ).toMatchInlineSnapshot(`
      {
        "equal": "the result is bool",
        "floor": "piecewise constant: the gradient is 0 wherever it exists",
        "iota": "it has no operands",
        "less": "the result is bool",
        "lessEqual": "the result is bool",
        "literal": "it has no operands",
        "randomBits": "bits do not vary smoothly with the key",
      }
    `);
  });

  it('decomposes composites only', () => {
    const decomposed = rows.filter(([, row]) => row === 'decompose').map(([name]) => name);
    expect(decomposed).toEqual(['softmaxGrad', 'layerNormGrad', 'attentionGrad']);
    expect(Object.keys(composites)).toEqual(expect.arrayContaining(decomposed));
  });

  it('is checked against differences wherever a gradient passes', () => {
    const withGradient = rows.filter(([, row]) => typeof row !== 'object').map(([name]) => name);
    expect(Object.keys(cases).sort()).toEqual(withGradient.sort());
  });

  it('knows nothing of operations from outside', () => {
    expect(vjpEntry('toString')).toBeUndefined();
  });
});
