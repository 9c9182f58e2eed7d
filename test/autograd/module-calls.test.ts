import {
  checkpoint,
  formatGraph,
  grad,
  graphToDot,
  graphToMermaid,
  record,
  type Graph,
} from '@tessera/autograd';
import { Linear, Module, Sequential } from '@tessera/autograd/nn';
import { compile, key, ones, tensor, zeros, type Tensor } from '@tessera/tensor';
import { simplify, trace } from '@tessera/tensor/extend';
import { describe, expect, it } from 'vitest';

class Gate extends Module {
  static override readonly name: string = 'Gate';
  readonly scale: Tensor = tensor([2, 3]);
  forward(x: Tensor): Tensor {
    return x.mul(this.scale).sigmoid();
  }
}

class Net extends Module {
  static override readonly name: string = 'Net';
  readonly gates: readonly Gate[] = [new Gate(), new Gate()];
  readonly last: Linear = new Linear(2, 1, { key: key(0), init: () => ones([1, 2]) });
  forward(x: Tensor): Tensor {
    const y = this.gates.reduce((z, gate) => gate.forward(z), x);
    return this.last.forward(y.add(x));
  }
}

const loss = (net: Net, x: Tensor): Tensor => net.forward(x).square().sum();
const graphOf = (f: (net: Net, x: Tensor) => Tensor): Graph =>
  record(f, new Net(), ones([1, 2])).graph;
const pathsOf = ({ nodes }: Graph): readonly (string | undefined)[] =>
  nodes.map(({ scope }) => scope?.path);

describe('a node', () => {
  it('carries the calls that it was made in, by the fields of the module around', () => {
    const times = (count: number, path?: string): readonly (string | undefined)[] =>
      Array.from({ length: count }, () => path);
    expect(pathsOf(graphOf(loss))).toEqual([
      ...times(3, 'Net/gates.0'),
      ...times(3, 'Net/gates.1'),
      ...times(1, 'Net'),
      ...times(4, 'Net/last'),
      ...times(2),
    ]);
  });

  it('is outside of all modules again after one has failed', () => {
    class Failing extends Module {
      forward(): Tensor {
        throw new RangeError('no');
      }
    }
    expect(() => new Failing().forward()).toThrow('no');
    expect(pathsOf(record((x: Tensor) => x.sin(), ones([2])).graph)).toEqual([undefined]);
  });

  it('belongs to one call where a method calls that of its base class, or train calls forward', () => {
    class Doubled extends Gate {
      static override readonly name: string = 'Doubled';
      override forward(x: Tensor): Tensor {
        return super.forward(x).mul(2);
      }
      train(x: Tensor): Tensor {
        return this.forward(x).mul(3);
      }
    }
    const { graph } = record((gate: Doubled) => gate.train(ones([2])), new Doubled());
    expect(pathsOf(graph)).toEqual(['Doubled', 'Doubled', 'Doubled', 'Doubled']);
  });

  it('is named by the class of a module that the one around does not hold', () => {
    const other = new Gate();
    class Outer extends Module {
      static override readonly name: string = 'Outer';
      forward(x: Tensor): Tensor {
        return other.forward(x);
      }
    }
    const { graph } = record((x: Tensor) => new Outer().forward(x), ones([2]));
    expect(pathsOf(graph)).toEqual(['Outer/Gate', 'Outer/Gate']);
  });

  it('of the second order stands under a ∇, evaluated again or not', () => {
    const slope = (net: Net, x: Tensor): Tensor =>
      grad((at: Tensor) => loss(net, at))(x)
        .square()
        .sum();
    const paths = new Set(pathsOf(graphOf(slope)));
    expect([...paths]).toEqual(
      expect.arrayContaining(['Net/gates.1', '∇Net/gates.1', '∇Net/last']),
    );
    const again = grad((net: Net) => loss(checkpointed(net), ones([1, 2])));
    const { traced } = compile(again).stages(new Net());
    expect(traced).toContain('# ∇Net/gates.1');
  });

  it('changes neither values nor gradients by its calls', () => {
    const [net, x] = [new Net(), tensor([[0.5, -1]])];
    const plain = ({ gates, last: { weight, bias } }: Net): Tensor => {
      const y = gates.reduce((z, { scale }) => z.mul(scale).sigmoid(), x).add(x);
      return y
        .matmul(weight.transpose())
        .add(bias ?? 0)
        .square()
        .sum();
    };
    const leaves = (f: (at: Net) => Tensor): readonly unknown[] => {
      const { gates, last } = grad(f)(net);
      return [...gates.map(({ scale }) => scale), last.weight].map((leaf) => leaf.toArraySync());
    };
    expect(leaves((at) => loss(at, x))).toEqual(leaves(plain));
  });
});

/** The net with its gates evaluated again in the sweep. */
function checkpointed(net: Net): Net {
  return Object.assign(Object.create(Net.prototype) as Net, net, {
    forward: checkpoint((x: Tensor) => Net.prototype.forward.call(net, x)),
  });
}

describe('the graph as text', () => {
  it('has the path of every leaf, and a title over what a module does', () => {
    expect(formatGraph(graphOf(loss))).toMatchInlineSnapshot(`
      "graph(
          gates.0.scale: float32[2]
          gates.1.scale: float32[2]
          last.weight: float32[1, 2]
          last.bias: float32[1]
          in4: float32[1, 2]
      )
        Net
          gates.0: Gate
            v0: float32[1, 2] = expand(gates.0.scale) { shape: [1, 2] }  y[i, j] = x[j] ⇒ x̄[j] = Σᵢ ȳ[i, j]
            v1: float32[1, 2] = mul(in4, v0)                             y = a·b ⇒ ā = ȳ·b, b̄ = ȳ·a
            v2: float32[1, 2] = sigmoid(v1)                              y = σ(x) ⇒ x̄ = ȳ·y·(1 − y)
          gates.1: Gate
            v3: float32[1, 2] = expand(gates.1.scale) { shape: [1, 2] }  y[i, j] = x[j] ⇒ x̄[j] = Σᵢ ȳ[i, j]
            v4: float32[1, 2] = mul(v2, v3)                              y = a·b ⇒ ā = ȳ·b, b̄ = ȳ·a
            v5: float32[1, 2] = sigmoid(v4)                              y = σ(x) ⇒ x̄ = ȳ·y·(1 − y)
          v6: float32[1, 2] = add(v5, in4)                               y = a + b ⇒ ā = ȳ, b̄ = ȳ
          last: Linear
            v7: float32[2, 1] = permute(last.weight) { axes: [1, 0] }    y = P x ⇒ x̄ = P⁻¹ ȳ
            v8: float32[1, 1] = matmul(v6, v7)                           y = a b ⇒ ā = ȳ bᵀ, b̄ = aᵀ ȳ
            v9: float32[1, 1] = expand(last.bias) { shape: [1, 1] }      y[i, j] = x[j] ⇒ x̄[j] = Σᵢ ȳ[i, j]
            v10: float32[1, 1] = add(v8, v9)                             y = a + b ⇒ ā = ȳ, b̄ = ȳ
        v11: float32[1, 1] = mul(v10, v10)                               y = a·b ⇒ ā = ȳ·b, b̄ = ȳ·a
        v12: float32[] = sum(v11) { axes: [0, 1] }                       y = Σᵢ xᵢ ⇒ x̄ᵢ = ȳ"
    `);
  });

  it('shows a module as one line where it is folded', () => {
    const graph = graphOf(loss);
    expect(formatGraph(graph, { depth: 1, open: ['gates.1'] })).toMatchInlineSnapshot(`
      "graph(gates.1.scale: float32[2], in4: float32[1, 2], 3 parameters of folded modules)
        Net
          v2: float32[1, 2] = gates.0(in4: float32[1, 2])                Gate: 3 operations, 1 parameter
          gates.1: Gate
            v3: float32[1, 2] = expand(gates.1.scale) { shape: [1, 2] }  y[i, j] = x[j] ⇒ x̄[j] = Σᵢ ȳ[i, j]
            v4: float32[1, 2] = mul(v2, v3)                              y = a·b ⇒ ā = ȳ·b, b̄ = ȳ·a
            v5: float32[1, 2] = sigmoid(v4)                              y = σ(x) ⇒ x̄ = ȳ·y·(1 − y)
          v6: float32[1, 2] = add(v5, in4)                               y = a + b ⇒ ā = ȳ, b̄ = ȳ
          v10: float32[1, 1] = last(v6: float32[1, 2])                   Linear: 4 operations, 2 parameters
        v11: float32[1, 1] = mul(v10, v10)                               y = a·b ⇒ ā = ȳ·b, b̄ = ȳ·a
        v12: float32[] = sum(v11) { axes: [0, 1] }                       y = Σᵢ xᵢ ⇒ x̄ᵢ = ȳ"
    `);
    expect(formatGraph(graph, { depth: 0 })).toMatchInlineSnapshot(`
      "graph(in4: float32[1, 2], 4 parameters of folded modules)
        v10: float32[1, 1] = Net(in4: float32[1, 2])  Net: 11 operations, 4 parameters
        v11: float32[1, 1] = mul(v10, v10)            y = a·b ⇒ ā = ȳ·b, b̄ = ȳ·a
        v12: float32[] = sum(v11) { axes: [0, 1] }    y = Σᵢ xᵢ ⇒ x̄ᵢ = ȳ"
    `);
  });

  it('opens what is around a path', () => {
    const graph = graphOf(loss);
    const opened = formatGraph(graph, { depth: 0, open: ['Net/last'] });
    expect(opened).toBe(formatGraph(graph, { depth: 1, open: ['last'] }));
  });

  it('counts every operation once, however it is folded', () => {
    const graph = graphOf(loss);
    for (const depth of [0, 1, 2]) {
      const text = formatGraph(graph, { depth });
      const folded = [...text.matchAll(/: (\d+) operations?/g)].map(([, count]) => Number(count));
      const shown = text.split('\n').filter((line) => line.includes('⇒')).length;
      expect(folded.reduce((sum, count) => sum + count, shown)).toBe(graph.nodes.length);
    }
  });

  it('keeps two calls of one module apart', () => {
    const twice = (gate: Gate): Tensor => gate.forward(gate.forward(ones([2])));
    const text = formatGraph(record(twice, new Gate()).graph, { depth: 0 });
    expect(text.match(/Gate: 2 operations/g)).toHaveLength(2);
  });

  it('tells apart leaves of one path in two arguments, and names that results have', () => {
    const f = (a: { w: Tensor; v0: Tensor }, b: { w: Tensor }): Tensor => a.w.mul(a.v0).mul(b.w);
    const text = formatGraph(record(f, { w: ones([]), v0: ones([]) }, { w: ones([]) }).graph);
    expect(text).toContain('graph(0.w: float32[], 0.v0: float32[], 1.w: float32[])');
    expect(text).toContain('v0: float32[] = mul(0.w, 0.v0)');
  });

  it('has the values where they are asked for', () => {
    const f = (x: Tensor): Tensor => x.mul(2).sum();
    expect(formatGraph(record(f, tensor([1, 2, 3, 4])).graph, { values: true }))
      .toMatchInlineSnapshot(`
      "graph(in0: float32[4])
        v0: float32[4] = mul(in0, 2)           5 ± 2.24 [2, 4, 6, …]  y = a·b ⇒ ā = ȳ·b
        v1: float32[] = sum(v0) { axes: [0] }  [20]                   y = Σᵢ xᵢ ⇒ x̄ᵢ = ȳ"
    `);
    const traced = compile((x: Tensor) => {
      formatGraph(record(f, x).graph, { values: true });
      return x;
    });
    expect(() => traced(ones([4]))).toThrowErrorMatchingInlineSnapshot(
      `[StateError: data: the values of float32[4] are not known while compile traces the function. Return the tensor and read it outside.]`,
    );
  });

  it('refuses a depth that is none, and paths of nothing', () => {
    const graph = graphOf(loss);
    expect(() => formatGraph(graph, { depth: -1 })).toThrowErrorMatchingInlineSnapshot(
      `[ValueError: formatGraph: depth is -1, but must be a whole number, 0 or more.]`,
    );
    expect(() => formatGraph(graph, { open: ['attn'] })).toThrowErrorMatchingInlineSnapshot(
      `[ValueError: formatGraph: no module at 'attn'. There are Net, Net/gates.0, Net/gates.1, Net/last.]`,
    );
    const { graph: bare } = record((x: Tensor) => x.sin(), ones([]));
    expect(() => graphToDot(bare, { open: ['attn'] })).toThrowErrorMatchingInlineSnapshot(
      `[ValueError: graphToDot: no module at 'attn'. No module was called.]`,
    );
  });
});

describe('the graph as a drawing', () => {
  it('has a frame around an open module, and a box for a folded one', () => {
    const graph = graphOf(loss);
    expect(graphToDot(graph, { depth: 1 })).toMatchInlineSnapshot(`
      "digraph {
        node [shape=box, style=rounded]
        in4 [shape=ellipse, label="in4\\nfloat32[1, 2]"]
        subgraph cluster_m0_1 {
          label="Net"
          m0_2 [shape=folder, label="v2 = gates.0(in4)\\nfloat32[1, 2]\\nGate: 3 operations, 1 parameter"]
          m3_2 [shape=folder, label="v5 = gates.1(v2)\\nfloat32[1, 2]\\nGate: 3 operations, 1 parameter"]
          n6 [label="v6 = add(v5, in4)\\nfloat32[1, 2]\\ny = a + b"]
          m7_2 [shape=folder, label="v10 = last(v6)\\nfloat32[1, 1]\\nLinear: 4 operations, 2 parameters"]
        }
        n11 [label="v11 = mul(v10, v10)\\nfloat32[1, 1]\\ny = a·b"]
        n12 [label="v12 = sum(v11) { axes: [0, 1] }\\nfloat32[]\\ny = Σᵢ xᵢ"]
        in4 -> m0_2
        m0_2 -> m3_2
        m3_2 -> n6 [label="ā = ȳ"]
        in4 -> n6 [label="b̄ = ȳ"]
        n6 -> m7_2
        m7_2 -> n11 [label="ā = ȳ·b"]
        m7_2 -> n11 [label="b̄ = ȳ·a"]
        n11 -> n12 [label="x̄ᵢ = ȳ"]
      }"
    `);
    expect(graphToMermaid(graph, { depth: 1 })).toMatchInlineSnapshot(`
      "flowchart TD
        in4(["in4<br/>float32[1, 2]"])
        subgraph m0_1["Net"]
          m0_2[["v2 = gates.0(in4)<br/>float32[1, 2]<br/>Gate: 3 operations, 1 parameter"]]
          m3_2[["v5 = gates.1(v2)<br/>float32[1, 2]<br/>Gate: 3 operations, 1 parameter"]]
          n6["v6 = add(v5, in4)<br/>float32[1, 2]<br/>y = a + b"]
          m7_2[["v10 = last(v6)<br/>float32[1, 1]<br/>Linear: 4 operations, 2 parameters"]]
        end
        n11["v11 = mul(v10, v10)<br/>float32[1, 1]<br/>y = a·b"]
        n12["v12 = sum(v11) { axes: [0, 1] }<br/>float32[]<br/>y = Σᵢ xᵢ"]
        in4 --> m0_2
        m0_2 --> m3_2
        m3_2 -->|"ā = ȳ"| n6
        in4 -->|"b̄ = ȳ"| n6
        n6 --> m7_2
        m7_2 -->|"ā = ȳ·b"| n11
        m7_2 -->|"b̄ = ȳ·a"| n11
        n11 -->|"x̄ᵢ = ȳ"| n12"
    `);
  });

  it('leads every edge from a box to a box', () => {
    const graph = graphOf(loss);
    for (const depth of [0, 1, 2]) {
      const lines = graphToMermaid(graph, { depth }).split('\n');
      const boxes = new Set(lines.map((line) => /^ *(?:subgraph )?(\w+)[[(]/.exec(line)?.[1]));
      const ends = lines.flatMap((line) => /^ {2}(\w+) -->.*? (\w+)$/.exec(line)?.slice(1) ?? []);
      expect(ends.length).toBeGreaterThan(2);
      expect(ends.filter((end) => !boxes.has(end))).toEqual([]);
    }
  });
});

describe('programs and plans', () => {
  const layers = new Sequential(new Linear(2, 2, { key: key(0) }), (x) => x.tanh());

  it('name the module of every line that comes from one', () => {
    const { simplified, plan } = compile((x: Tensor) => layers.forward(x).mul(2)).stages(
      ones([3, 2]),
    );
    expect(simplified).toMatch(/= matmul\(.*# Sequential\/0$/m);
    expect(simplified).toMatch(/= tanh\(\w+\) {2}# Sequential\/1$/m);
    expect(simplified).toMatch(/= mul\(.*\)$/m);
    expect(plan).toMatch(/# Sequential\/0, Sequential\/1$/m);
  });

  it('say so in the sweep of a gradient', () => {
    const { plan } = compile(grad((x: Tensor) => layers.forward(x).sum())).stages(zeros([3, 2]));
    expect(plan).toContain('# Sequential/0');
    expect(plan).toContain('∇Sequential/0');
  });

  it('merge equal instructions of different modules', () => {
    const first = new Sequential((x) => x.sin());
    const program = trace(
      ([x]) => [first.forward(x).add(new Sequential((y) => y.sin()).forward(x))],
      [{ shape: [2], dtype: 'float32' }],
    );
    expect(program.instructions.map(({ scope }) => scope)).toEqual([
      'Sequential/0',
      'Sequential/0',
      undefined,
    ]);
    expect(simplify(program).instructions).toHaveLength(2);
  });
});
