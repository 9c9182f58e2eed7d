import { backward, grad, rule, type Graph, type Node, type VjpFunction } from '@tessera/autograd';
import { formatSpec, scalar, tensor, zeros, type Tensor } from '@tessera/tensor';
import { describe, expect, it } from 'vitest';

/** A node that stands for any operation. */
function node(inputs: Tensor[], outputs: Tensor[], vjp: VjpFunction): Node {
  const anyRule = rule('y = f(x)', ['x̄ = f̄(ȳ)'], vjp);
  return { name: 'any', inputs, outputs, params: {}, rule: anyRule, scope: null };
}

function graphOf(leaves: Tensor[], nodes: Node[]): Graph {
  return {
    leaves,
    paths: leaves.map((_, i) => String(i)),
    nodes,
    dependents: new Set([...leaves, ...nodes.flatMap(({ outputs }) => outputs)]),
  };
}

describe('backward', () => {
  it('adds up what reaches a value on several ways', () => {
    const f = (x: Tensor): Tensor => {
      const shared = x.mul(x); // 2x
      return shared.add(shared).add(shared.mul(x)); // 2x² + x³
    };
    expect(grad(f)(scalar(3)).itemSync()).toBe(4 * 3 + 3 * 9);
  });

  it('does not recurse: a chain of 10,000 operations', () => {
    const chain = (x: Tensor): Tensor => {
      let y = x;
      for (let i = 0; i < 10_000; i++) y = y.add(x);
      return y;
    };
    expect(grad(chain)(scalar(2)).itemSync()).toBe(10_001);
    expect(grad(chain)(tensor(new Float32Array([2])).reshape([])).itemSync()).toBe(10_001);
  });

  it('counts an output that nothing used as zeros', () => {
    const [x, used, unused] = [scalar(1), zeros([2]), zeros([3])];
    let seen: readonly Tensor[] = [];
    const split = node([x], [used, unused], (cotangents) => {
      seen = cotangents;
      return [() => cotangents[0].sum().add(cotangents[1].sum())];
    });
    const result = backward(graphOf([x], [split]), [[used, tensor([3, 4])]]);
    expect(seen.map((cotangent) => cotangent.toArraySync())).toEqual([
      [3, 4],
      [0, 0, 0],
    ]);
    expect(result.get(x)?.itemSync()).toBe(7);
  });

  it('shows every cotangent once it is complete, in the order of the sweep', () => {
    const [x, y, z] = [scalar(1), scalar(2), scalar(3)];
    const twice = node([x], [y], ([ȳ]) => [() => ȳ.mul(2)]);
    const sum = node([y, y], [z], ([z̄]) => [() => z̄, () => z̄.mul(10)]);
    const seen: [Tensor, number][] = [];
    backward(graphOf([x], [twice, sum]), [[z, scalar(1)]], (result, cotangent) => {
      seen.push([result, cotangent.itemSync()]);
    });
    expect(seen).toEqual([
      [z, 1],
      [y, 11],
    ]);
  });

  it('gives an integer output zeros of its own dtype', () => {
    const [x, y] = [scalar(1), scalar(2)];
    const count = tensor([3], { dtype: 'int32' });
    let seen: readonly Tensor[] = [];
    const counted = node([x], [y, count], (cotangents) => {
      seen = cotangents;
      return [() => cotangents[0]];
    });
    backward(graphOf([x], [counted]), [[y, scalar(1)]]);
    expect(seen.map(formatSpec)).toEqual(['float32[]', 'int32[1]']);
  });

  it('computes the cotangents of dependents only', () => {
    const [x, constant, y] = [scalar(1), scalar(2), scalar(3)];
    const called: string[] = [];
    const mul = node([x, constant], [y], ([cotangent]) => [
      () => {
        called.push('x');
        return cotangent;
      },
      () => {
        called.push('constant');
        return cotangent;
      },
    ]);
    backward(graphOf([x], [mul]), [[y, scalar(1)]]);
    expect(called).toEqual(['x']);
  });

  it('skips nodes that the seeds do not reach', () => {
    const [x, y, z] = [scalar(1), scalar(2), scalar(3)];
    const unreached = node([x], [y], () => {
      throw new Error('asked for');
    });
    const reached = node([x], [z], ([cotangent]) => [() => cotangent]);
    const result = backward(graphOf([x], [unreached, reached]), [[z, scalar(5)]]);
    expect(result.get(x)?.itemSync()).toBe(5);
  });
});
