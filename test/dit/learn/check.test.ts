import { tensor } from '@tessera/tensor';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkAnswer } from '../../../packages/dit/src/learn/check.ts';
import type { Exercise, Plain } from '../../../packages/dit/src/learn/exercise.ts';

/** An exercise whose answer is called once, with nothing. */
function expecting(expected: Plain): Exercise {
  const words = { name: 'f', task: '', stub: '', hint: '', solution: '' };
  return { ...words, trials: () => [{ call: 'f()', run: (f) => f(), expected }] };
}

const passes = { status: 'passes' };
const fails = (reason: string): object => ({ status: 'fails', reason });

/** Whole numbers in lists in lists, as a tensor may hold them. */
const elements = fc.array(fc.integer({ min: -1000, max: 1000 }), { minLength: 1, maxLength: 6 });

describe('an answer', () => {
  test('passes if it gives what is expected, as an array, a typed array, a tensor or later', async () => {
    await fc.assert(
      fc.asyncProperty(elements, async (values) => {
        const exercise = expecting(values);
        for (const given of [values, Float32Array.from(values), tensor(values)]) {
          expect(await checkAnswer(exercise, () => given)).toEqual(passes);
          expect(await checkAnswer(exercise, () => Promise.resolve(given))).toEqual(passes);
        }
      }),
    );
  });

  test('fails if one element is another, or one is missing', async () => {
    await fc.assert(
      fc.asyncProperty(elements, fc.nat(), fc.constantFrom(-1, 1), async (values, n, change) => {
        const i = n % values.length;
        const other = values.with(i, values[i] + change);
        for (const wrong of [other, values.toSpliced(i, 1)]) {
          const outcome = await checkAnswer(expecting(values), () => tensor(wrong));
          expect(outcome.status).toBe('fails');
        }
      }),
    );
  });

  test('is told what was expected and what came', async () => {
    const answer = (): unknown => ({ shape: [2], strides: [1 / 3] });
    expect(await checkAnswer(expecting({ shape: [2], strides: [1] }), answer)).toEqual(
      fails(
        'f() must give { shape: [2], strides: [1] }, but gives { shape: [2], strides: [0.33333] }',
      ),
    );
    expect(await checkAnswer(expecting('mul, exp'), () => 'exp')).toEqual(
      fails("f() must give 'mul, exp', but gives 'exp'"),
    );
    expect(await checkAnswer(expecting(1), () => null)).toEqual(
      fails('f() must give 1, but gives null'),
    );
    expect(await checkAnswer(expecting(1), () => NaN)).toEqual(
      fails('f() must give 1, but gives NaN'),
    );
  });

  test('may throw, or be no function, or not be there yet', async () => {
    const late = (): never => {
      throw new Error('not\n  now');
    };
    expect(await checkAnswer(expecting(1), late)).toEqual(fails('f() throws: not now'));
    expect(await checkAnswer(expecting(1), 3)).toEqual(fails('f is no function but 3'));
    expect(await checkAnswer(expecting(1), undefined)).toEqual({ status: 'open' });
    expect(await checkAnswer(expecting(1), () => undefined)).toEqual({ status: 'open' });
  });
});
