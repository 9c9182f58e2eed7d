import { cotangentFormula, record, vjpEntry, vjpTable, type Node } from '@tessera/autograd';
import { ones } from '@tessera/tensor';
import { composites, primitives } from '@tessera/tensor/extend';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rows as opRows } from '../../ops/cases.ts';
import { rowName, type OpRow } from '../../ops/row.ts';

const operations = Object.values({ ...primitives, ...composites });
const rows = Object.entries(vjpTable);

/** The rows of `test/ops` whose gradients are checked. */
const differentiable = opRows.filter(({ notDifferentiable }) => notDifferentiable === undefined);

/** What a few cases of a row record. */
function nodesOf({ cases }: OpRow): readonly Node[] {
  return fc
    .sample(cases(1), { numRuns: 5, seed: 1 })
    .flatMap(({ f, inputs }) => record(f, ...inputs).graph.nodes);
}

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
        "argsort": "the result is int32",
        "equal": "the result is bool",
        "floor": "piecewise constant: the gradient is 0 wherever it exists",
        "iota": "it has no operands",
        "less": "the result is bool",
        "lessEqual": "the result is bool",
        "literal": "it has no operands",
        "randomBits": "bits do not vary smoothly with the key",
        "round": "piecewise constant: the gradient is 0 wherever it exists",
      }
    `);
  });

  it('decomposes composites only', () => {
    const decomposed = rows.filter(([, row]) => row === 'decompose').map(([name]) => name);
    expect(decomposed).toEqual([
      'softmaxGrad',
      'layerNormStatistics',
      'layerNormGrad',
      'attentionGrad',
    ]);
    expect(Object.keys(composites)).toEqual(expect.arrayContaining(decomposed));
  });

  it('is checked against differences wherever a gradient passes', () => {
    const recorded = new Set(differentiable.flatMap(nodesOf).map(({ name }) => name));
    const decomposed = new Set<string>(differentiable.map(({ op }) => op));
    const unchecked = rows.flatMap(([name, row]) => {
      if (row === 'decompose') return decomposed.has(name) ? [] : [name];
      return 'vjp' in row && !recorded.has(name) ? [name] : [];
    });
    expect(unchecked).toEqual([]);
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

  it.each(differentiable.map((row) => [rowName(row), row] as const))(
    '%s has a formula where it has a cotangent',
    (_name, row) => {
      for (const node of nodesOf(row)) {
        const cotangents = node.outputs.map(({ shape }) => ones(shape));
        const thunks = node.rule.vjp(cotangents, node);
        expect(thunks).toHaveLength(node.inputs.length);
        thunks.forEach((thunk, i) => {
          expect(cotangentFormula(node.rule, i) === null).toBe(thunk === null);
        });
        expect(node.rule.cotangents.length).toBeLessThanOrEqual(node.inputs.length);
      }
    },
  );

  it('knows nothing of operations from outside', () => {
    expect(vjpEntry('toString')).toBeUndefined();
  });
});
