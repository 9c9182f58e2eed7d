import { backward, grad, type Graph, type Node } from '@tessera/autograd';
import { scalar, tensor, zeros, type Tensor } from '@tessera/tensor';
import { primitives } from '@tessera/tensor/extend';
import { describe, expect, it } from 'vitest';

/** A node over `rule` that stands for any operation. */
function node(inputs: Tensor[], outputs: Tensor[], rule: Node['rule']): Node {
  return { operation: primitives.alias, inputs, outputs, params: {}, rule };
}

function graphOf(leaves: Tensor[], nodes: Node[]): Graph {
  return {
    leaves,
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
