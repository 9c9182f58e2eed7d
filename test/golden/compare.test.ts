import { describe, expect, test } from 'vitest';
import { compareNames, compareValues, type Values } from './compare.ts';

const tolerance = { rtol: 0.1, atol: 1 };

function vector(...data: number[]): Values {
  return { shape: [data.length], data };
}

describe('the compare rule', () => {
  test.each<[string, number, number, number]>([
    ['equal numbers', 5, 5, 0],
    ['half of atol', 0.5, 0, 0.5],
    ['what exceeds atol + rtol·|want| = 2 by half', 13, 10, 1.5],
    ['NaN for NaN', NaN, NaN, 0],
    ['NaN for a number', NaN, 1, Infinity],
    ['a number for NaN', 1, NaN, Infinity],
    ['an infinity for itself', -Infinity, -Infinity, 0],
    ['an infinity for the other', -Infinity, Infinity, Infinity],
    ['an infinity for a number', Infinity, 1, Infinity],
  ])('measures %s in units of the tolerance', (_, got, want, worst) => {
    const comparison = compareValues('x', vector(got), vector(want), tolerance);
    expect(comparison.worst).toBeCloseTo(worst);
    expect(comparison.problem === null).toBe(worst <= 1);
  });

  test('refuses equal numbers in another shape', () => {
    const row = { shape: [1, 2], data: [1, 2] };
    const { problem } = compareValues('x', row, vector(1, 2), tolerance);
    expect(problem).toBe('x: shape [1, 2], wanted [2]');
  });

  test('accepts nothing but equality with tolerance 0', () => {
    const exact = { rtol: 0, atol: 0 };
    expect(compareValues('x', vector(0, 1), vector(0, 1), exact).worst).toBe(0);
    expect(compareValues('x', vector(1e-30), vector(0), exact).worst).toBe(Infinity);
  });

  test('looks only where it is told to', () => {
    const [got, want] = [vector(1, 9), vector(1, 2)];
    expect(compareValues('x', got, want, tolerance, [1, 0]).problem).toBeNull();
    expect(compareValues('x', got, want, tolerance, [0, 1]).problem).not.toBeNull();
  });

  test('names the place and the numbers of the worst element', () => {
    const got = { shape: [2, 2], data: [1, 2, 3, 9] };
    const want = { shape: [2, 2], data: [1, 2, 0, 4] };
    expect(compareValues('x', got, want, tolerance).problem).toBe(
      'x: 2 of 4 wrong; at [1, 1] got 9, wanted 4 ± 1.4 (3.57 × tolerance)',
    );
  });

  test('lists names that only one side has', () => {
    expect(compareNames('keys', ['b', 'a'], ['a', 'b']).problem).toBeNull();
    expect(compareNames('keys', ['a', 'c'], ['a', 'b']).problem).toBe(
      'keys: 1 missing (b), 1 unexpected (c)',
    );
  });
});
