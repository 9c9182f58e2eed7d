import { cotangentFormula, record, vjpEntry, vjpTable } from '@tessera/autograd';
import { ones } from '@tessera/tensor';
import { composites, primitives } from '@tessera/tensor/extend';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cases } from './cases.ts';

const operations = Object.values({ ...primitives, ...composites });
const rows = Object.entries(vjpTable);

describe('the gradient table', () => {
  it('has one row for every operation and no other', () => {
    expect(Object.keys(vjpTable).sort()).toEqual(operations.map(({ name }) => name).sort());
  });

  it('gives a reason wherever it gives no rule', () => {
    const declared = rows.flatMap(([name, row]) =>
      typeof row === 'object' && 'reason' in row ? [[name, row.reason] as const] : [],
    );
    expect(Object.fromEntries(declared)).toMatchInlineSnapshot(`
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
    const withGradient = rows
      .filter(([, row]) => row === 'decompose' || 'vjp' in row)
      .map(([name]) => name);
    expect(Object.keys(cases).sort()).toEqual(withGradient.sort());
  });

  it('says in every formula what is computed and what flows back', () => {
    const rules = rows.flatMap(([, row]) => (row !== 'decompose' && 'vjp' in row ? [row] : []));
    for (const { value, cotangents } of rules) {
      expect(value).toMatch(/^y(?:\[.+\])? \+?= ./);
      // A letter or word under a bar, its index, and what it is.
      for (const formula of cotangents) {
        if (formula !== null) expect(formula.normalize('NFD')).toMatch(/^\w+[\u0304\u0305].* = ./);
      }
    }
    expect(rules.length).toBeGreaterThan(30);
  });

  it.each(Object.entries(cases))(
    '%s has a formula where it has a cotangent',
    (_name, arbitrary) => {
      for (const { f, inputs } of fc.sample(arbitrary, { numRuns: 5, seed: 1 })) {
        for (const node of record(f, ...inputs).graph.nodes) {
          const cotangents = node.outputs.map(({ shape }) => ones(shape));
          const thunks = node.rule.vjp(cotangents, node);
          expect(thunks).toHaveLength(node.inputs.length);
          thunks.forEach((thunk, i) => {
            expect(cotangentFormula(node.rule, i) === null).toBe(thunk === null);
          });
          expect(node.rule.cotangents.length).toBeLessThanOrEqual(node.inputs.length);
        }
      }
    },
  );

  it('knows nothing of operations from outside', () => {
    expect(vjpEntry('toString')).toBeUndefined();
  });
});
