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
import { compile, key, ones, Tensor, tensor, zeros } from '@tessera/tensor';
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
    const last = Array<string>(4).fill('Net/last');
    expect(pathsOf(graphOf(loss))).toEqual([
      ...['Net/gates.0', 'Net/gates.0', 'Net/gates.0'],
      ...['Net/gates.1', 'Net/gates.1', 'Net/gates.1'],
      'Net',
      ...last,
      ...[undefined, undefined],
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
      expect.arrayContaining(['Net/gates.1', '∇Net/gates.1', '∇Net', '∇Net/last']),
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
    expect(formatGraph(graphOf(loss))).toMatchInlineSnapshot();
  });

  it('shows a module as one line where it is folded', () => {
    const graph = graphOf(loss);
    expect(formatGraph(graph, { depth: 1, open: ['gates.1'] })).toMatchInlineSnapshot();
    expect(formatGraph(graph, { depth: 0 })).toMatchInlineSnapshot();
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
    expect(
      formatGraph(record(f, tensor([1, 2, 3, 4])).graph, { values: true }),
    ).toMatchInlineSnapshot();
    const traced = compile((x: Tensor) => {
      formatGraph(record(f, x).graph, { values: true });
      return x;
    });
    expect(() => traced(ones([4]))).toThrowErrorMatchingInlineSnapshot();
  });

  it('refuses a depth that is none, and paths of nothing', () => {
    const graph = graphOf(loss);
    expect(() => formatGraph(graph, { depth: -1 })).toThrowErrorMatchingInlineSnapshot();
    expect(() => formatGraph(graph, { open: ['attn'] })).toThrowErrorMatchingInlineSnapshot();
    const { graph: bare } = record((x: Tensor) => x.sin(), ones([]));
    expect(() => graphToDot(bare, { open: ['attn'] })).toThrowErrorMatchingInlineSnapshot();
  });
});

describe('the graph as a drawing', () => {
  it('has a frame around an open module, and a box for a folded one', () => {
    const graph = graphOf(loss);
    expect(graphToDot(graph, { depth: 1 })).toMatchInlineSnapshot();
    expect(graphToMermaid(graph, { depth: 1 })).toMatchInlineSnapshot();
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
