import {
  CrossAttention,
  Dropout,
  Linear,
  measure,
  Mlp,
  Module,
  namedModules,
  observe,
  Sequential,
  summary,
} from '@tessera/autograd/nn';
import { arange, gelu, key, ones, split, tensor, zeros, type Tensor } from '@tessera/tensor';
import { describe, expect, it } from 'vitest';

/** Modules in an array and in a record, one of them called twice, one never. */
class Net extends Module {
  readonly blocks: readonly Mlp[];
  readonly heads: { readonly main: Linear; readonly spare: Linear };

  constructor(random: Tensor) {
    super();
    const [a, b, c, d] = split(random, 4);
    this.blocks = [new Mlp(4, 8, { key: a }), new Mlp(4, 8, { key: b })];
    this.heads = { main: new Linear(4, 2, { key: c }), spare: new Linear(4, 2, { key: d }) };
  }

  forward(x: Tensor, options: { readonly twice: boolean }): { y: Tensor; tokens: Tensor } {
    let tokens = this.blocks.reduce((h, block) => block.forward(h), x);
    if (options.twice) tokens = this.blocks[1].forward(tokens);
    return { y: this.heads.main.forward(tokens), tokens };
  }
}

const net = new Net(key(0));

describe('summary', () => {
  it('lists every module with output, parameters and FLOPs', () => {
    expect(summary(net, zeros([3, 4]), { twice: true })).toMatchInlineSnapshot(`
      "module        type    output         parameters  FLOPs
      (all)         Net     [3, 2] [3, 4]         172  2,106
      blocks.0      Mlp     [3, 4]                 76    684
      blocks.0.fc1  Linear  [3, 8]                 40    216
      blocks.0.fc2  Linear  [3, 4]                 36    204
      blocks.1      Mlp     [3, 4]                 76  1,368
      blocks.1.fc1  Linear  [3, 8]                 40    432
      blocks.1.fc2  Linear  [3, 4]                 36    408
      heads.main    Linear  [3, 2]                 10     54
      heads.spare   Linear  -                      10      0"
    `);
  });

  it('counts what a formula gives', () => {
    const [whole, , , , second] = measure(net, zeros([3, 4]), { twice: false });
    const [doubled, , , , twice] = measure(net, zeros([3, 4]), { twice: true });
    expect(whole).toMatchObject({ path: '', type: 'Net', outputs: [[3, 2], [3, 4]], parameters: 2 * 76 + 20 }); // prettier-ignore
    expect([second.path, twice.path]).toEqual(['blocks.1', 'blocks.1']);
    expect(twice.flops).toBe(2 * second.flops);
    expect(doubled.flops - whole.flops).toBe(second.flops);
    const [linear] = measure(new Linear(5, 7, { key: key(0) }), zeros([3, 5]));
    expect(linear.flops).toBe(2 * 3 * 5 * 7 + 3 * 7);
  });

  it('names functions, and takes several inputs', () => {
    const model = new Sequential(new Dropout(0.1), gelu, (x) => x.neg());
    expect(measure(model, zeros([2])).map(({ type }) => type)).toEqual([
      'Sequential',
      'Dropout',
      'gelu',
      'Apply',
    ]);
    const cross = new CrossAttention(8, 2, { key: key(1), contextWidth: 6 });
    expect(summary(cross, zeros([1, 4, 8]), zeros([1, 3, 6]))).toMatchInlineSnapshot(`
      "module  type            output      parameters  FLOPs
      (all)   CrossAttention  [1, 4, 8]          256  2,216
      q       Linear          [1, 4, 8]           72    544
      kv      Linear          [1, 3, 16]         112    624
      proj    Linear          [1, 4, 8]           72    544"
    `);
  });

  it('computes nothing: a model of 4 TFLOPs takes no time, and its size is printed readably', () => {
    class Big extends Module {
      forward(x: Tensor): Tensor {
        return x.expand([100_000, 4000]).matmul(x.reshape([4000, 1]).expand([4000, 5000]));
      }
    }
    expect(summary(new Big(), tensor(new Float32Array(4000)))).toMatchInlineSnapshot(`
      "module  type  output          parameters              FLOPs
      (all)   Big   [100000, 5000]           0  4,000,000,000,000"
    `);
  });

  it('takes tensors that the module captured, and refuses to read values', () => {
    const table = arange(4).cast('float32');
    class Shifted extends Module {
      forward(x: Tensor): Tensor {
        return x.add(table);
      }
    }
    expect(measure(new Shifted(), zeros([2, 4]))[0].flops).toBe(8);
    class Reading extends Module {
      forward(x: Tensor): Tensor {
        return x.mul(x.sum().itemSync());
      }
    }
    expect(() => summary(new Reading(), ones([2]))).toThrowErrorMatchingInlineSnapshot(
      `[StateError: data: the values of float32[] are not known while compile traces the function. Return the tensor and read it outside.]`,
    );
  });
});

describe('namedModules', () => {
  it('walks arrays and records', () => {
    expect(namedModules(net).map(([path, { constructor }]) => [path, constructor.name])).toEqual([
      ['', 'Net'],
      ['blocks.0', 'Mlp'],
      ['blocks.0.fc1', 'Linear'],
      ['blocks.0.fc2', 'Linear'],
      ['blocks.1', 'Mlp'],
      ['blocks.1.fc1', 'Linear'],
      ['blocks.1.fc2', 'Linear'],
      ['heads.main', 'Linear'],
      ['heads.spare', 'Linear'],
    ]);
  });
});

describe('observe', () => {
  it('reports outputs and inputs of the modules that ran, in the order they ended', () => {
    const seen: [string, readonly number[], number][] = [];
    const { y } = observe(net, (path, output, inputs) => {
      seen.push([path, output.shape, inputs.length]);
    }).forward(ones([3, 4]), { twice: false });
    expect(y.toArraySync()).toEqual(net.forward(ones([3, 4]), { twice: false }).y.toArraySync());
    expect(seen).toEqual([
      ['blocks.0.fc1', [3, 8], 1],
      ['blocks.0.fc2', [3, 4], 1],
      ['blocks.0', [3, 4], 1],
      ['blocks.1.fc1', [3, 8], 1],
      ['blocks.1.fc2', [3, 4], 1],
      ['blocks.1', [3, 4], 1],
      ['heads.main', [3, 2], 1],
    ]);
  });

  it('leaves the model, and what is no module in it, alone', () => {
    const model = new Sequential(gelu, new Linear(2, 2, { key: key(0) }));
    const observed = observe(model, () => undefined);
    expect(observed).toBeInstanceOf(Sequential);
    expect(Object.hasOwn(model[1], 'forward')).toBe(false);
    expect((observed[1] as Linear).weight).toBe((model[1] as Linear).weight);
  });
});
