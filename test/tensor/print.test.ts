import { inspect } from 'node:util';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  arange,
  compile,
  cpuBackend,
  excerpt,
  formatSpec,
  full,
  ones,
  scalar,
  setDefaultBackend,
  StateError,
  tensor,
  zeros,
  type Backend,
  type Tensor,
} from '@tessera/tensor';

/** A backend that notes how many elements are read from it. */
function counting(): { readonly backend: Backend; readonly count: () => number } {
  const real = cpuBackend();
  const { readSync } = real;
  let count = 0;
  const backend = Object.assign(real, {
    readSync: (...[storage, range]: Parameters<Backend['readSync']>) => {
      count += range === undefined ? storage.size : range.end - range.begin;
      return readSync(storage, range);
    },
  });
  return { backend, count: () => count };
}

/** What a text of values means as JavaScript, in row-major order. */
function valuesOf(text: string, x: Tensor): number[] {
  const literal = text.slice(formatSpec(x).length);
  const nested = runInNewContext(`[${literal}]`) as (number | boolean)[];
  return nested.flat(Infinity).map(Number);
}

describe('the text of a tensor', () => {
  it('is dtype, shape and values, aligned at their points', () => {
    expect(String(scalar(1.5))).toBe('float32[] 1.5');
    expect(String(scalar(-0))).toBe('float32[] -0');
    expect(String(tensor([1, 0.1, NaN, -Infinity, 1e-7]))).toBe(
      'float32[5] [1, 0.1, NaN, -Infinity, 1e-7]',
    );
    expect(String(zeros([2, 0]))).toBe('float32[2, 0] []');
    expect(String(tensor([[1, 2.5, -3], [400, 5.25, 6e-8]]))).toMatchInlineSnapshot(`
      "float32[2, 3]
      [[  1,      2.5,   -3],
       [400,      5.25,   6e-8]]"
    `); // prettier-ignore
    expect(String(tensor([[true, false]]))).toBe('bool[1, 2] [[true, false]]');
    expect(String(arange(8).reshape([2, 2, 2]))).toMatchInlineSnapshot(`
      "int32[2, 2, 2]
      [[[0, 1],
        [2, 3]],

       [[4, 5],
        [6, 7]]]"
    `);
  });

  it('is cut in the middle where there are more than 1000 elements', () => {
    expect(String(arange(1001))).toBe('int32[1001] [0, 1, 2, …, 998, 999, 1000]');
    expect(String(arange(1000))).not.toContain('…');
    expect(String(arange(1200).reshape([12, 100]))).toMatchInlineSnapshot(`
      "int32[12, 100]
      [[   0,    1,    2, …,   97,   98,   99],
       [ 100,  101,  102, …,  197,  198,  199],
       [ 200,  201,  202, …,  297,  298,  299],
       …,
       [ 900,  901,  902, …,  997,  998,  999],
       [1000, 1001, 1002, …, 1097, 1098, 1099],
       [1100, 1101, 1102, …, 1197, 1198, 1199]]"
    `);
    expect(String(zeros(Array.from({ length: 30 }, () => 2))).match(/0/g)?.length).toBeLessThan(
      1001,
    );
  });

  it('fills lines of 80 columns', () => {
    expect(String(arange(40).add(1000))).toMatchInlineSnapshot(`
      "int32[40]
      [1000, 1001, 1002, 1003, 1004, 1005, 1006, 1007, 1008, 1009, 1010, 1011, 1012,
       1013, 1014, 1015, 1016, 1017, 1018, 1019, 1020, 1021, 1022, 1023, 1024, 1025,
       1026, 1027, 1028, 1029, 1030, 1031, 1032, 1033, 1034, 1035, 1036, 1037, 1038,
       1039]"
    `);
  });

  it('says every float32 with the fewest digits that mean it', () => {
    const bits = fc.integer({ min: 0, max: 2 ** 32 - 1 });
    fc.assert(
      fc.property(fc.array(bits, { minLength: 1, maxLength: 40 }), (words) => {
        const numbers = new Float32Array(Uint32Array.from(words).buffer);
        const x = tensor(numbers);
        expect(valuesOf(String(x), x).map(Math.fround)).toEqual([...numbers]);
      }),
    );
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 999_999 }), fc.integer({ min: -6, max: 6 }), (n, e) => {
        const text = String(n * 10 ** e);
        if (text.length < 8) expect(String(scalar(Number(text)))).toBe(`float32[] ${text}`);
      }),
    );
  });

  it('shows views of every kind as they are read', () => {
    const x = arange(60).reshape([3, 4, 5]);
    for (const view of [x, x.permute([2, 0, 1]), x.flip(), x.slice([[1, 3], null, [0, 5, 2]])]) {
      expect(valuesOf(String(view), view)).toEqual([...view.dataSync()]);
    }
    const row = tensor([1, 2]).expand([3, 2]);
    expect(valuesOf(String(row), row)).toEqual([1, 2, 1, 2, 1, 2]);
  });

  it('reads little more than it shows', () => {
    const { backend, count } = counting();
    setDefaultBackend(backend);
    const x = tensor(new Int32Array(1e6).map((_, i) => i), { shape: [1000, 1000] }); // prettier-ignore
    expect(String(x)).toContain('[999000, 999001, 999002, …, 999997, 999998, 999999]');
    expect(String(x.transpose())).toContain(' 1999,   2999, …, 997999, 998999, 999999]');
    expect(count()).toBe(72);
    expect(String(full([1e5, 1e5], 7))).toContain('[7, 7, 7, …, 7, 7, 7]');
    expect(count()).toBe(72);
    setDefaultBackend(cpuBackend());
  });

  it('says why there are no values', () => {
    const x = tensor([1, 2]).add(1);
    x[Symbol.dispose]();
    expect(String(x)).toBe(
      'float32[2] (the tensor was disposed. Read its values or compute with it before it is disposed.)',
    );
    const texts: string[] = [];
    compile((y: Tensor) => {
      texts.push(String(y), inspect(y));
      expect(() => JSON.stringify(y)).toThrow(StateError);
      return y;
    })(ones([3]));
    expect(new Set(texts)).toEqual(
      new Set([
        'float32[3] (the values of float32[3] are not known while compile traces the function. Return the tensor and read it outside.)',
      ]),
    );
    const backend = Object.assign(cpuBackend(), {
      readSync: () => {
        throw new StateError('data', 'this backend reads asynchronously.');
      },
    });
    setDefaultBackend(backend);
    expect(String(tensor([1]))).toBe('float32[1] (this backend reads asynchronously.)');
    setDefaultBackend(cpuBackend());
  });

  it('is what Node shows, and dtype and shape alone deep inside objects', () => {
    const x = tensor([1, 2]);
    expect(inspect(x)).toBe(String(x));
    expect(inspect({ a: [x] })).toBe('{ a: [ float32[2] [1, 2] ] }');
    expect(inspect({ a: { b: { c: x } } })).toBe('{ a: { b: { c: float32[2] } } }');
  });
});

describe('a tensor', () => {
  it('becomes nested arrays in JSON, with null where JSON has no number', () => {
    const json = JSON.stringify({ x: tensor([[1, -0.5], [NaN, Infinity]]), b: tensor(true) }); // prettier-ignore
    expect(json).toBe('{"x":[[1,-0.5],[null,null]],"b":1}');
  });

  it('cannot be cloned, and says what to send instead', () => {
    for (const x of [ones([2]), tensor([1, 2]), arange(3)]) {
      expect(() => structuredClone({ x })).toThrow(
        /send its shape and what await x\.data\(\) gives/,
      );
    }
  });
});

describe('excerpt', () => {
  it('escapes what a terminal obeys or hides, and cuts', () => {
    expect(excerpt('layer.0/weight é 数 "x"')).toBe('layer.0/weight é 数 "x"');
    expect(excerpt('\u001b[2J\u009b\n\u202e\ufeff\u2028\ud800')).toBe(
      '\\u{1b}[2J\\u{9b}\\u{a}\\u{202e}\\u{feff}\\u{2028}\\u{d800}',
    );
    expect(excerpt('x'.repeat(5_000_000))).toBe(`${'x'.repeat(80)}…`);
    expect(excerpt('abc', 3)).toBe('abc');
  });
});
