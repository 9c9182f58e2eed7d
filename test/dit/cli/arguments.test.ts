import { InvalidArgumentError } from 'commander';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DESIGNS } from '../../../packages/dit/src/config/choices.ts';
import * as read from '../../../packages/dit/src/cli/arguments.ts';

/** What a reader says about a text. */
function problem(reader: (text: string) => unknown, text: string): string {
  try {
    reader(text);
  } catch (error) {
    return error instanceof InvalidArgumentError ? error.message : `unexpected: ${String(error)}`;
  }
  return 'accepted';
}

describe('numbers', () => {
  test('in decimal notation are read as JavaScript reads them', () => {
    fc.assert(
      fc.property(fc.nat(), (n) => {
        expect(read.seed(String(n))).toBe(n);
        expect(read.positiveCount(String(n + 1))).toBe(n + 1);
      }),
    );
    fc.assert(
      fc.property(fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }), (x) => {
        expect(read.guidanceScale(String(x))).toBe(x);
      }),
    );
    expect(read.seed('1e3')).toBe(1000);
  });

  test('that are not whole, not in range or no numbers are refused', () => {
    const bad = ['', ' ', '1 ', '0x10', 'abc', '1,5', 'NaN', 'Infinity', '--3', '1e999'];
    for (const text of [...bad, '1.5', '-1', '0']) {
      expect(problem(read.positiveCount, text)).toBe('Expected a whole number from 1.');
    }
    for (const text of [...bad, '0.5', '-1', '4294967296']) {
      expect(problem(read.seed, text)).toBe('Expected a whole number from 0 to 4294967295.');
    }
    for (const text of [...bad, '-0.5']) {
      expect(problem(read.guidanceScale, text)).toBe('Expected a number from 0.');
    }
    expect(read.seed('4294967295')).toBe(4_294_967_295);
  });
});

describe('labels', () => {
  test('come back from their list', () => {
    const lists = fc.array(fc.nat(99), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(lists, (labels) => {
        expect(read.labelList(labels.join(','))).toEqual(labels);
      }),
    );
  });

  test('may be names of classes, whose run decides', () => {
    expect(read.labelList('cat, 3,T-shirt/top,-1')).toEqual(['cat', 3, 'T-shirt/top', '-1']);
  });

  test('that are empty are refused', () => {
    for (const text of ['', ',', '1,', '1,,2', ' ']) {
      expect(problem(read.labelList, text)).toBe(
        'Expected numbers or names of classes separated by commas, such as 0,1,2.',
      );
    }
  });
});

describe('names', () => {
  test('are those of the list, exactly', () => {
    for (const design of DESIGNS) {
      expect(read.oneOf(DESIGNS)(design)).toBe(design);
    }
    for (const text of ['', 'adaLN-Zero', 'adaln_zero', 'toString']) {
      expect(problem(read.oneOf(DESIGNS), text)).toBe(
        'Expected one of in-context, cross-attention, adaln, adaln-zero, modern.',
      );
    }
  });
});

describe('guidance', () => {
  test('is a scale, or one for each condition', () => {
    expect(read.guidance('2.5')).toBe(2.5);
    expect(read.guidance('text=3,depth=1.5')).toEqual({ text: 3, depth: 1.5 });
    expect(() => read.guidance('text=3,text=9')).toThrow(
      'Expected one scale for each condition, not two for one.',
    );
    for (const wrong of ['', 'x', 'text=', 'text=-1', 'text=1,2', '=3', 'text=1,,depth=2']) {
      expect(() => read.guidance(wrong), wrong).toThrow(/^Expected a number/);
    }
  });
});

describe('lists of names', () => {
  test('are some of those that there are', () => {
    const chosen = read.someOf(['label', 'text']);
    expect(chosen('text,label')).toEqual(['text', 'label']);
    expect(() => chosen('text,colour')).toThrow('Expected one of label, text.');
    expect(read.oneMore('b', read.oneMore('a'))).toEqual(['a', 'b']);
    expect(read.anyNumber('-0.5')).toBe(-0.5);
    expect(() => read.anyNumber('steep')).toThrow('Expected a number.');
  });
});
