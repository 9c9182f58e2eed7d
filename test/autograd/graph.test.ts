import { formatGraph, grad, record } from '@tessera/autograd';
import { ones, scalar, softmax, tensor, type Tensor } from '@tessera/tensor';
import { apply, currentInterpreter, type Composite, type NoParams } from '@tessera/tensor/extend';
import { describe, expect, it } from 'vitest';

const plusOne: Composite<NoParams> = {
  kind: 'composite',
  name: 'squarePlusOne',
  infer: (inputs) => inputs,
  decompose: ([x]) => [x.square().add(1)],
  flops: () => 0,
};

describe('record', () => {
  it('notes what the arguments go through, in order, and nothing else', () => {
    const c = tensor([1, 2, 3]);
    const f = (x: Tensor, y: Tensor): Tensor => x.sin().mul(c.exp()).sum(0).add(y.reshape([]));
    expect(formatGraph(record(f, ones([3]), ones([1])).graph)).toMatchInlineSnapshot(`
      "graph(in0: float32[3], in1: float32[1])
        v0: float32[3] = sin(in0)                   y = sin x ⇒ x̄ = ȳ·cos x
        v1: float32[3] = mul(v0, float32[3])        y = a·b ⇒ ā = ȳ·b
        v2: float32[] = sum(v1) { axes: [0] }       y = Σᵢ xᵢ ⇒ x̄ᵢ = ȳ
        v3: float32[] = reshape(in1) { shape: [] }  y = x in another shape ⇒ x̄ = ȳ in the shape of x
        v4: float32[] = add(v2, v3)                 y = a + b ⇒ ā = ȳ, b̄ = ȳ"
    `);
  });

  it('records a composite with a rule as one node', () => {
    expect(formatGraph(record((x: Tensor) => softmax(x), ones([2, 3])).graph))
      .toMatchInlineSnapshot(`
        "graph(in0: float32[2, 3])
          v0: float32[2, 3] = softmax(in0) { axis: 1 }  y = softmax(x) ⇒ x̄ = y·(ȳ − Σ y·ȳ)"
      `);
  });

  it('records the definition of a composite from outside', () => {
    const f = (x: Tensor): Tensor => apply(plusOne, [x], {})[0];
    expect(formatGraph(record(f, scalar(3)).graph)).toMatchInlineSnapshot(`
      "graph(in0: float32[])
        v0: float32[] = mul(in0, in0)  y = a·b ⇒ ā = ȳ·b, b̄ = ȳ·a
        v1: float32[] = add(v0, 1)     y = a + b ⇒ ā = ȳ"
    `);
    expect(grad(f)(scalar(3)).itemSync()).toBe(6);
  });

  it('refuses a primitive without a rule', () => {
    const primitive = { ...plusOne, kind: 'kernel' as const };
    expect(() =>
      record((x: Tensor) => apply(primitive, [x], {})[0], scalar(1)),
    ).toThrowErrorMatchingInlineSnapshot(
      `[StateError: grad: no gradient rule for the primitive 'squarePlusOne'. Express it as a composite of known ones.]`,
    );
  });

  it('ends the graph where nothing is differentiable', () => {
    const f = (x: Tensor): Tensor =>
      x.floor().mul(x.greater(0).cast('float32')).add(x.cast('int32')).sum();
    expect(record(f, ones([3])).graph.nodes).toEqual([]);
  });

  it('puts the interpreter back, also after an error', () => {
    const before = currentInterpreter();
    expect(() =>
      record((_x: Tensor) => {
        throw new Error('stop');
      }, scalar(1)),
    ).toThrow('stop');
    expect(currentInterpreter()).toBe(before);
  });
});
