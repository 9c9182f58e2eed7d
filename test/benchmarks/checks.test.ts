import { describe, expect, it } from 'vitest';
import { compareChecks, deviation } from '../../benchmarks/compare/checks.ts';
import { rowOf } from './rows.ts';

describe('deviation', () => {
  it('is the greatest relative difference', () => {
    expect(deviation([1, 2.2], [1, 2])).toBeCloseTo(0.1, 12); // float64 arithmetic
    expect(deviation([5], [5])).toBe(0);
    expect(deviation([0], [0])).toBe(0);
  });

  it('is infinite for what cannot be compared', () => {
    expect(deviation([1], [1, 2])).toBe(Infinity);
    expect(deviation([NaN], [1])).toBe(Infinity);
  });
});

describe('compareChecks', () => {
  const notes = (...rows: Parameters<typeof compareChecks>[0]): string[] =>
    compareChecks(rows).map(({ note }) => note);

  it('compares with PyTorch, wherever it stands', () => {
    expect(
      notes(
        { row: rowOf('tessera', 1, 2), check: [1.000_01, 2] },
        { row: rowOf('tfjs', 1, 2, { note: '3 samples' }), check: [1.1, 2] },
        { row: rowOf('js-pytorch', 1, null, { note: 'cannot: no gelu' }), check: null },
        { row: rowOf('pytorch', 1, 2), check: [1, 2] },
      ),
    ).toEqual([
      'within 1e-5 of pytorch',
      '3 samples; FAILS: 1e-1 from pytorch',
      'cannot: no gelu',
      '',
    ]);
  });

  it('compares with the first of several PyTorches, by its version', () => {
    expect(
      notes(
        { row: rowOf('pytorch', 1, null, { instance: '0.4.0', note: 'failed' }), check: null },
        { row: rowOf('pytorch', 1, 2, { instance: '1.13.0' }), check: [1] },
        { row: rowOf('pytorch', 1, 2, { instance: '2.13.0' }), check: [1] },
      ),
    ).toEqual(['failed', '', 'within 0 of pytorch 1.13.0']);
  });

  it('compares with the first that has values where PyTorch is absent', () => {
    expect(
      notes(
        { row: rowOf('tessera', 1, 2), check: [1] },
        { row: rowOf('tessera', 2, 2), check: [1] },
        { row: rowOf('pytorch', 1, null, { note: 'absent' }), check: null },
      ),
    ).toEqual(['', 'within 0 of tessera', 'absent']);
  });
});
