import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compile, scalar, StateError, tensor, tree, TreeNode, type Tensor } from '@tessera/tensor';

/** A class of its own for every factor, all of one name. */
function scaleBy(factor: number): new () => TreeNode & { forward(x: Tensor): Tensor } {
  return class Scale extends TreeNode {
    readonly w = tensor([1, 2, 3, 4]);
    forward(x: Tensor): Tensor {
      return x.mul(this.w).mul(factor);
    }
  };
}

const x = tensor([1, 2, 3, 4]);

/** What a compiled function makes of one static value after the other. */
function seen<T>(values: readonly T[], describeValue: (value: T) => number): number[] {
  const run = compile((value: T, at: Tensor) => at.mul(describeValue(value)));
  return values.map((value) => run(value, scalar(1)).itemSync());
}

describe('a plan', () => {
  it('belongs to classes, not to their names', () => {
    const run = compile((m: { forward(x: Tensor): Tensor }, at: Tensor) => m.forward(at).sum());
    const [two, five] = [scaleBy(2), scaleBy(5)];
    expect([new two(), new five(), new two()].map((m) => run(m, x).itemSync())).toEqual([
      60, 150, 60,
    ]);
  });

  it('belongs to classes inside arrays, maps and objects, and to anonymous ones', () => {
    const anonymous = (factor: number): object =>
      new (class {
        readonly get = (): number => factor;
      })();
    const [two, five] = [anonymous(2), anonymous(5)] as { get(): number }[];
    expect(seen([two, five], (value) => value.get())).toEqual([2, 5]);
    expect(seen([new Map([[1, two]]), new Map([[1, five]])], (m) => m.get(1)?.get() ?? 0)).toEqual([
      2, 5,
    ]);
    const run = compile((ms: { forward(x: Tensor): Tensor }[], at: Tensor) =>
      ms[0].forward(at).sum(),
    );
    const [a, b] = [scaleBy(2), scaleBy(5)];
    expect([run([new a()], x).itemSync(), run([new b()], x).itemSync()]).toEqual([60, 150]);
  });

  it('tells symbols of one description, arrays of other lengths and texts like structure apart', () => {
    const [s, t] = [Symbol('s'), Symbol('s')];
    expect(seen([s, t, Symbol.for('s'), s], (value) => [s, t].indexOf(value))).toEqual([
      0, 1, -1, 0,
    ]);
    expect(
      seen([[1], new Array<number>(1), [1, 2]], (a) => a.length * 10 + a.flat().length),
    ).toEqual([11, 10, 22]);
    const texts = ['* "1:a', '*', '1', '"', '', '}', '#1'];
    expect(seen(texts, (text) => texts.indexOf(text))).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(seen([1, '1', 1n, true, 'true'], (value) => (typeof value).length)).toEqual([
      6, 6, 6, 7, 6,
    ]);
    expect(seen([0, -0], (value) => (Object.is(value, -0) ? 1 : 0))).toEqual([0, 1]);
  });

  it('sees what changes in place in maps, sets, dates and instances of other classes', () => {
    const map = new Map([['k', 1]]);
    const set = new Set([1]);
    const date = new Date(1);
    const options = new (class {
      rate = { value: 1 };
    })();
    const all = { map, set, date, options };
    const run = compile((each: typeof all, at: Tensor) =>
      at.mul(
        (each.map.get('k') ?? 0) + each.set.size + Number(each.date) + each.options.rate.value,
      ),
    );
    const value = (): number => run(all, scalar(1)).itemSync();
    expect(value()).toBe(4);
    map.set('k', 10);
    expect(value()).toBe(13);
    set.add(2);
    expect(value()).toBe(14);
    date.setTime(101);
    expect(value()).toBe(114);
    options.rate.value = 1001;
    expect(value()).toBe(1114);
  });

  it('refuses typed arrays, and tensors where no tree has leaves', () => {
    const run = compile((_options: unknown, at: Tensor) => at);
    expect(() => run(new Float32Array(2), x)).toThrowErrorMatchingInlineSnapshot(
      `[StateError: tree: the tree holds a Float32Array, whose elements may change unnoticed. Make a tensor of it.]`,
    );
    expect(() => run({ a: new ArrayBuffer(2) }, x)).toThrow(StateError);
    expect(() => run(new Map([['w', x]]), x)).toThrowErrorMatchingInlineSnapshot(
      `[StateError: tree: a tensor stands in an instance of Map. Put it in arrays, plain objects or TreeNodes.]`,
    );
    expect(() =>
      run(
        new (class Holder {
          inner = [{ x }];
        })(),
        x,
      ),
    ).toThrow('stands in an instance of Holder');
  });

  it('takes objects that lead back to themselves as static parts', () => {
    class Parent {
      readonly child = { parent: this };
    }
    const parent = new Parent();
    expect(seen([parent, parent, new Parent()], (p) => (p === parent ? 1 : 2))).toEqual([1, 1, 2]);
  });

  it('is shared only by trees that come apart and together alike', () => {
    const key = fc.constantFrom('a', 'b', '__proto__', 'constructor', 'a b', '1', '');
    const statics = fc.oneof(
      fc.integer({ min: -1, max: 1 }),
      fc.constantFrom('a', '*', '1', '}', true, null, undefined, -0, 1n),
    );
    const { root } = fc.letrec<{ root: unknown }>((tie) => ({
      root: fc.oneof(
        { maxDepth: 3 },
        fc.constant(scalar(1)),
        statics,
        fc.array(tie('root'), { maxLength: 3 }),
        fc
          .array(fc.tuple(key, tie('root')), { maxLength: 3 })
          .map((pairs) => Object.fromEntries(pairs)),
      ),
    }));
    fc.assert(
      fc.property(root, root, (a, b) => {
        const [flatA, flatB] = [tree.flatten(a), tree.flatten(b)];
        const back = flatA.unflatten(flatA.leaves);
        expect(isDeepStrictEqual(back, a)).toBe(true);
        expect(tree.flatten(back).structure).toBe(flatA.structure);
        if (flatA.structure !== flatB.structure) return;
        expect(isDeepStrictEqual(flatA.unflatten(flatB.leaves), b)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});
