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
});
