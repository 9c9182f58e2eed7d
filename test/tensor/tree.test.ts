import { describe, expect, it } from 'vitest';
import { scalar, StateError, tensor, tree, TreeNode, type Tensor } from '@tessera/tensor';

class Pair extends TreeNode {
  readonly left: Tensor;
  readonly right: readonly Tensor[];
  readonly name: string;

  constructor(left: Tensor, right: readonly Tensor[], name: string) {
    super();
    this.left = left;
    this.right = right;
    this.name = name;
  }

  sum(): Tensor {
    return this.right.reduce((total, x) => total.add(x), this.left);
  }
}

const make = (name: string): Pair => new Pair(scalar(1), [scalar(2), scalar(3)], name);

describe('tree', () => {
  it('finds leaves in order with their paths', () => {
    const paths = tree.entries({ pair: make('p'), rest: [null, 4, scalar(9)] });
    expect(paths.map(([path, leaf]) => [path, leaf.itemSync()])).toEqual([
      ['pair.left', 1],
      ['pair.right.0', 2],
      ['pair.right.1', 3],
      ['rest.2', 9],
    ]);
  });

  it('opens branches one level, and nothing else', () => {
    const pair = make('p');
    expect(tree.children(pair)?.map(([key]) => key)).toEqual(['left', 'right', 'name']);
    expect(tree.children(pair.right)).toEqual([
      ['0', pair.right[0]],
      ['1', pair.right[1]],
    ]);
    for (const closed of [pair.left, null, 4, 'text', Math.sin, new Map()]) {
      expect(tree.children(closed)).toBeNull();
    }
  });

  it('maps leaves and keeps class, methods and static parts', () => {
    const doubled = tree.map((leaf) => leaf.mul(2), make('p'));
    expect(doubled).toBeInstanceOf(Pair);
    expect(doubled.name).toBe('p');
    expect(doubled.sum().itemSync()).toBe(12);
  });

  it('maps several trees at once and refuses trees that differ', () => {
    const sums = tree.map((a, b) => a.add(b), [scalar(1), scalar(2)], [scalar(10), scalar(20)]);
    expect(sums.map((leaf) => leaf.itemSync())).toEqual([11, 22]);
    expect(() => tree.map((a, b) => a.add(b), [scalar(1)], [])).toThrow(StateError);
    expect(() => tree.map([scalar(1)] as never, (a: Tensor) => a)).toThrow(
      'tree.map: takes a function, but got an array.',
    );
  });

  it('pairs trees by path, whatever the order of their keys, and names a path that only one has', () => {
    const sums = tree.map(
      (a, b) => a.sub(b),
      { a: scalar(5), b: scalar(7) },
      { b: scalar(1), a: scalar(2) },
    );
    expect([sums.a.itemSync(), sums.b.itemSync()]).toEqual([3, 6]);
    expect(() =>
      tree.map((a) => a, { a: scalar(1) }, { c: scalar(1) }),
    ).toThrowErrorMatchingInlineSnapshot(
      `[StateError: tree.map: the trees differ: only one of them has a tensor at 'a'.]`,
    );
  });

  it('flattens and unflattens to the same tree', () => {
    const flat = tree.flatten({ a: make('p'), b: [tensor([1, 2])] });
    const back = flat.unflatten(flat.leaves);
    expect(tree.flatten(back).structure).toBe(flat.structure);
    expect(tree.leaves(back)).toEqual(flat.leaves);
  });

  it('tells structures with other static parts apart', () => {
    expect(tree.flatten(make('p')).structure).not.toBe(tree.flatten(make('q')).structure);
    expect(tree.flatten([Math.sin]).structure).toBe(tree.flatten([Math.sin]).structure);
    expect(tree.flatten([Math.sin]).structure).not.toBe(tree.flatten([Math.cos]).structure);
  });

  it('refuses a tree that contains itself or is too deep, wherever it is walked', () => {
    const loop: { inner?: unknown; x: Tensor } = { x: scalar(1) };
    loop.inner = [loop];
    let deep: unknown = scalar(1);
    for (let i = 0; i < 100_000; i++) deep = [deep];
    for (const odd of [loop, deep]) {
      expect(() => tree.leaves(odd)).toThrowErrorMatchingInlineSnapshot(
        `[StateError: tree: the tree is nested more than 1000 levels deep. Does it contain itself?]`,
      );
      expect(() => tree.entries(odd)).toThrow(StateError);
      expect(() => tree.map((leaf) => leaf, odd)).toThrow(StateError);
      expect(() => tree.align('test', scalar(1), odd)).toThrow(StateError);
    }
    let fine: unknown = scalar(1);
    for (let i = 0; i < 900; i++) fine = [fine];
    expect(tree.leaves(tree.map((leaf) => leaf.add(1), fine))[0].itemSync()).toBe(2);
  });

  it('keeps fields of any name, and objects without a prototype', () => {
    const named = Object.fromEntries(
      ['__proto__', 'constructor', 'toString', 'a'].map((key, i) => [key, scalar(i)]),
    );
    const bare = Object.assign(Object.create(null) as Record<string, Tensor>, { a: scalar(1) });
    const copy = tree.map((leaf) => leaf.add(10), [named, bare] as const);
    expect(tree.entries(copy).map(([path, leaf]) => [path, leaf.itemSync()])).toEqual([
      ['0.__proto__', 10],
      ['0.constructor', 11],
      ['0.toString', 12],
      ['0.a', 13],
      ['1.a', 11],
    ]);
    expect(copy.map((each) => Object.getPrototypeOf(each) as unknown)).toEqual([
      Object.prototype,
      null,
    ]);
  });

  it('keeps fields beside those of an array, holes, and the class of an array', () => {
    class Stack extends Array<unknown> {}
    const stack = Stack.from([scalar(1), 'two']);
    const list = Object.assign(new Array<Tensor>(3), {
      0: scalar(2),
      2: scalar(3),
      bias: scalar(4),
    });
    const copy = tree.map((leaf) => leaf.add(1), [stack, list] as const);
    expect(copy[0]).toBeInstanceOf(Stack);
    expect([copy[0].length, copy[1].length, 1 in copy[1]]).toEqual([2, 3, false]);
    expect(tree.leaves(copy).map((leaf) => leaf.itemSync())).toEqual([2, 3, 4, 5]);
    expect(copy[1].bias.itemSync()).toBe(5);
  });

  it('refuses two tensors of one path', () => {
    expect(() =>
      tree.entries({ 'a.b': scalar(1), a: { b: scalar(2) } }),
    ).toThrowErrorMatchingInlineSnapshot(
      `[StateError: tree: two tensors have the path 'a.b'. Rename the key that contains a dot.]`,
    );
  });

  it('walks from outside to inside, and not into what is closed to it', () => {
    const paths: string[] = [];
    tree.walk({ a: { x: scalar(1) }, b: [scalar(2), 3] }, (_node, path) => {
      paths.push(path);
      return path !== 'a';
    });
    expect(paths).toEqual(['', 'a', 'b', 'b.0', 'b.1']);
  });
});
