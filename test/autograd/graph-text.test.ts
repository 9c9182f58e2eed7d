import {
  checkpoint,
  customVjp,
  formatGraph,
  graphToDot,
  graphToMermaid,
  record,
} from '@tessera/autograd';
import { layerNorm, linear, ones, tensor, where, type Tensor } from '@tessera/tensor';
import { describe, expect, it } from 'vitest';

/** A layer with a norm, and a loss: constants, broadcasting, an operand used twice. */
const { graph } = record(
  (x: Tensor, w: Tensor) =>
    layerNorm(linear(x, w, ones([3])))
      .square()
      .mean(),
  ones([2, 4]),
  ones([3, 4]),
);

/** Names and formulas with every character that either language gives a meaning. */
const odd = record(
  (x: Tensor) => {
    const strange = customVjp(
      (y: Tensor) => [y, y.sum()],
      ([ȳ, s̄]) => [ȳ.add(s̄)],
      { name: 'a "b" <c> \\d & #e', formula: 'x̄ = "ȳ" > 0 | ȳ < 1' },
    );
    const [first, second] = strange(x);
    return checkpoint((y: Tensor) => where(y.greater(0), y, second))(first.maximum(0));
  },
  tensor([1, 2]),
).graph;

describe('the graph as text', () => {
  it('has its formula beside every node, without what does not flow', () => {
    expect(formatGraph(graph)).toMatchInlineSnapshot(`
      "graph(in0: float32[2, 4], in1: float32[3, 4])
        v0: float32[4, 3] = permute(in1) { axes: [1, 0] }   y = P x ⇒ x̄ = P⁻¹ ȳ
        v1: float32[2, 3] = matmul(in0, v0)                 y = a b ⇒ ā = ȳ bᵀ, b̄ = aᵀ ȳ
        v2: float32[2, 3] = add(v1, 1)                      y = a + b ⇒ ā = ȳ
        v3: float32[2, 3] = layerNorm(v2) { eps: 0.00001 }  y = (x − μ)/σ ⇒ x̄ = (ȳ − mean(ȳ) − y·mean(ȳ·y))/σ
        v4: float32[2, 3] = mul(v3, v3)                     y = a·b ⇒ ā = ȳ·b, b̄ = ȳ·a
        v5: float32[] = sum(v4) { axes: [0, 1] }            y = Σᵢ xᵢ ⇒ x̄ᵢ = ȳ
        v6: float32[] = div(v5, 6)                          y = a/b ⇒ ā = ȳ/b"
    `);
    expect(formatGraph(odd)).toMatchInlineSnapshot(`
      "graph(in0: float32[2])
        v0: float32[2], v1: float32[] = a "b" <c> \\d & #e(in0)  y = a "b" <c> \\d & #e(x) ⇒ x̄ = "ȳ" > 0 | ȳ < 1
        v2: float32[2] = maximum(v0, 0)                         y = max(a, b) ⇒ ā = ȳ·[a > b] + ½ȳ·[a = b]
        v3: float32[2] = checkpoint(f)(v2, v1)                  y = f(x) ⇒ x̄ = ȳᵀ ∂f/∂x, with f evaluated again"
    `);
  });

  it('is only a heading where nothing is recorded', () => {
    const empty = record((x: Tensor) => x, ones([2])).graph;
    expect(formatGraph(empty)).toBe('graph(in0: float32[2])');
    expect(formatGraph(record(() => 1).graph)).toBe('graph()');
  });
});

describe('the graph in Graphviz’s language', () => {
  it('has a box a node and an edge an operand', () => {
    expect(graphToDot(graph)).toMatchInlineSnapshot(`
      "digraph {
        node [shape=box, style=rounded]
        in0 [shape=ellipse, label="in0\\nfloat32[2, 4]"]
        in1 [shape=ellipse, label="in1\\nfloat32[3, 4]"]
        n0 [label="v0 = permute(in1) { axes: [1, 0] }\\nfloat32[4, 3]\\ny = P x"]
        n1 [label="v1 = matmul(in0, v0)\\nfloat32[2, 3]\\ny = a b"]
        n2 [label="v2 = add(v1, 1)\\nfloat32[2, 3]\\ny = a + b"]
        n3 [label="v3 = layerNorm(v2) { eps: 0.00001 }\\nfloat32[2, 3]\\ny = (x − μ)/σ"]
        n4 [label="v4 = mul(v3, v3)\\nfloat32[2, 3]\\ny = a·b"]
        n5 [label="v5 = sum(v4) { axes: [0, 1] }\\nfloat32[]\\ny = Σᵢ xᵢ"]
        n6 [label="v6 = div(v5, 6)\\nfloat32[]\\ny = a/b"]
        in1 -> n0 [label="x̄ = P⁻¹ ȳ"]
        in0 -> n1 [label="ā = ȳ bᵀ"]
        n0 -> n1 [label="b̄ = aᵀ ȳ"]
        n1 -> n2 [label="ā = ȳ"]
        n2 -> n3 [label="x̄ = (ȳ − mean(ȳ) − y·mean(ȳ·y))/σ"]
        n3 -> n4 [label="ā = ȳ·b"]
        n3 -> n4 [label="b̄ = ȳ·a"]
        n4 -> n5 [label="x̄ᵢ = ȳ"]
        n5 -> n6 [label="ā = ȳ/b"]
      }"
    `);
  });

  it('escapes quotes and backslashes', () => {
    expect(graphToDot(odd)).toMatchInlineSnapshot(`
      "digraph {
        node [shape=box, style=rounded]
        in0 [shape=ellipse, label="in0\\nfloat32[2]"]
        n0 [label="v0, v1 = a \\"b\\" <c> \\\\d & #e(in0)\\nfloat32[2], float32[]\\ny = a \\"b\\" <c> \\\\d & #e(x)"]
        n1 [label="v2 = maximum(v0, 0)\\nfloat32[2]\\ny = max(a, b)"]
        n2 [label="v3 = checkpoint(f)(v2, v1)\\nfloat32[2]\\ny = f(x)"]
        in0 -> n0 [label="x̄ = \\"ȳ\\" > 0 | ȳ < 1"]
        n0 -> n1 [label="ā = ȳ·[a > b] + ½ȳ·[a = b]"]
        n1 -> n2 [label="x̄ = ȳᵀ ∂f/∂x, with f evaluated again"]
        n0 -> n2 [label="x̄ = ȳᵀ ∂f/∂x, with f evaluated again"]
      }"
    `);
  });
});

describe('the graph as a Mermaid flowchart', () => {
  it('has a box a node and an edge an operand', () => {
    expect(graphToMermaid(graph)).toMatchInlineSnapshot(`
      "flowchart TD
        in0(["in0<br/>float32[2, 4]"])
        in1(["in1<br/>float32[3, 4]"])
        n0["v0 = permute(in1) { axes: [1, 0] }<br/>float32[4, 3]<br/>y = P x"]
        n1["v1 = matmul(in0, v0)<br/>float32[2, 3]<br/>y = a b"]
        n2["v2 = add(v1, 1)<br/>float32[2, 3]<br/>y = a + b"]
        n3["v3 = layerNorm(v2) { eps: 0.00001 }<br/>float32[2, 3]<br/>y = (x − μ)/σ"]
        n4["v4 = mul(v3, v3)<br/>float32[2, 3]<br/>y = a·b"]
        n5["v5 = sum(v4) { axes: [0, 1] }<br/>float32[]<br/>y = Σᵢ xᵢ"]
        n6["v6 = div(v5, 6)<br/>float32[]<br/>y = a/b"]
        in1 -->|"x̄ = P⁻¹ ȳ"| n0
        in0 -->|"ā = ȳ bᵀ"| n1
        n0 -->|"b̄ = aᵀ ȳ"| n1
        n1 -->|"ā = ȳ"| n2
        n2 -->|"x̄ = (ȳ − mean(ȳ) − y·mean(ȳ·y))/σ"| n3
        n3 -->|"ā = ȳ·b"| n4
        n3 -->|"b̄ = ȳ·a"| n4
        n4 -->|"x̄ᵢ = ȳ"| n5
        n5 -->|"ā = ȳ/b"| n6"
    `);
  });

  it('escapes what Mermaid reads as markup', () => {
    expect(graphToMermaid(odd)).toMatchInlineSnapshot(`
      "flowchart TD
        in0(["in0<br/>float32[2]"])
        n0["v0, v1 = a #34;b#34; #60;c#62; \\d #38; #35;e(in0)<br/>float32[2], float32[]<br/>y = a #34;b#34; #60;c#62; \\d #38; #35;e(x)"]
        n1["v2 = maximum(v0, 0)<br/>float32[2]<br/>y = max(a, b)"]
        n2["v3 = checkpoint(f)(v2, v1)<br/>float32[2]<br/>y = f(x)"]
        in0 -->|"x̄ = #34;ȳ#34; #62; 0 | ȳ #60; 1"| n0
        n0 -->|"ā = ȳ·[a #62; b] + ½ȳ·[a = b]"| n1
        n1 -->|"x̄ = ȳᵀ ∂f/∂x, with f evaluated again"| n2
        n0 -->|"x̄ = ȳᵀ ∂f/∂x, with f evaluated again"| n2"
    `);
  });
});
