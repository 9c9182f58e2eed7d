import { grad } from '@tessera/autograd';
import {
  Conv2d,
  ConvTranspose2d,
  CrossAttention,
  Embedding,
  GroupNorm,
  init,
  LayerNorm,
  Linear,
  loadTensors,
  Mlp,
  RMSNorm,
  SelfAttention,
} from '@tessera/autograd/nn';
import { gelu, key, normal, ones, scalar, tensor, type Tensor } from '@tessera/tensor';
import { describe, expect, it } from 'vitest';

const random = (seed: number, shape: number[]): Tensor => normal(key(seed), shape);
const biasInit = init.normal(1);

/** The largest difference of two tensors of one shape. */
function distance(a: Tensor, b: Tensor): number {
  expect(a.shape).toEqual(b.shape);
  return a.sub(b).abs().max().itemSync();
}

describe('Linear', () => {
  it('computes x Wᵀ + b over the last axis', () => {
    const layer = loadTensors(
      new Linear(2, 3, { key: key(0) }),
      new Map([
        ['weight', tensor([[1, 2], [3, 4], [5, 6]])], // prettier-ignore
        ['bias', tensor([10, 20, 30])],
      ]),
    );
    expect(layer.forward(tensor([[[1, 1]], [[0, -1]]])).toArraySync()).toEqual([
      [[13, 27, 41]],
      [[8, 16, 24]],
    ]);
  });

  it('starts with a zero bias, or none, and is the same for the same key', () => {
    const layer = new Linear(4, 2, { key: key(5) });
    expect(layer.bias?.toArraySync()).toEqual([0, 0]);
    expect(new Linear(4, 2, { key: key(5), bias: false }).bias).toBeNull();
    expect(new Linear(4, 2, { key: key(5) }).weight.toArraySync()).toEqual(
      layer.weight.toArraySync(),
    );
    expect(new Linear(4, 2, { key: key(6) }).weight.toArraySync()).not.toEqual(
      layer.weight.toArraySync(),
    );
  });
});

describe('Conv2d', () => {
  it('of one pixel is a Linear over channels', () => {
    const conv = new Conv2d(3, 4, { key: key(0), kernelSize: 1, biasInit });
    const linear = loadTensors(
      new Linear(3, 4, { key: key(0) }),
      new Map([
        ['weight', conv.weight.reshape([4, 3])],
        ['bias', conv.bias ?? scalar(0)],
      ]),
    );
    const x = random(1, [2, 3, 5, 4]);
    const expected = linear.forward(x.permute([0, 2, 3, 1])).permute([0, 3, 1, 2]);
    expect(distance(conv.forward(x), expected)).toBeLessThan(1e-5);
  });

  it('takes pairs, strides, padding and groups', () => {
    const conv = new Conv2d(4, 6, {
      key: key(0),
      kernelSize: [3, 1],
      stride: 2,
      padding: [1, 0],
      groups: 2,
    });
    expect(conv.weight.shape).toEqual([6, 2, 3, 1]);
    expect(conv.forward(ones([1, 4, 8, 7])).shape).toEqual([1, 6, 4, 4]);
    expect(new Conv2d(1, 1, { key: key(0), kernelSize: 2, bias: false }).bias).toBeNull();
  });
});

describe('ConvTranspose2d', () => {
  it('is the adjoint of the convolution of the same weight', () => {
    const options = { kernelSize: 3, stride: 2, padding: 1, groups: 2, bias: false } as const;
    const conv = new Conv2d(4, 6, { key: key(0), ...options });
    const transpose = loadTensors(
      new ConvTranspose2d(6, 4, { key: key(1), ...options, outputPadding: 1 }),
      new Map([['weight', conv.weight]]),
    );
    const x = random(1, [2, 4, 6, 6]);
    const y = random(2, [2, 6, 3, 3]);
    const left = conv.forward(x).mul(y).sum().itemSync();
    const right = x.mul(transpose.forward(y)).sum().itemSync();
    // Sums of 864 products of normal numbers: 1e-5 of their size.
    expect(Math.abs(left - right)).toBeLessThan(1e-4);
  });

  it('adds its bias to each channel and turns the shape of the convolution around', () => {
    const layer = new ConvTranspose2d(16, 3, {
      key: key(0),
      kernelSize: [4, 3],
      stride: 2,
      padding: [1, 0],
      biasInit,
    });
    expect(layer.weight.shape).toEqual([16, 3, 4, 3]);
    const y = layer.forward(ones([1, 16, 8, 8]).mul(0));
    expect(y.shape).toEqual([1, 3, 16, 17]);
    expect(y.select(0, 0).select(-1, 5).select(-1, 7).toArraySync()).toEqual(
      layer.bias?.toArraySync(),
    );
  });

  it('refuses channels that do not divide into the groups', () => {
    const options = { key: key(0), kernelSize: 1, groups: 2 };
    expect(() => new ConvTranspose2d(4, 3, options)).toThrowErrorMatchingInlineSnapshot(
      `[ValueError: ConvTranspose2d: inChannels 4 and outChannels 3 do not both divide into 2 groups.]`,
    );
    expect(() => new Conv2d(3, 4, options)).toThrowErrorMatchingInlineSnapshot(
      `[ValueError: Conv2d: inChannels 3 and outChannels 4 do not both divide into 2 groups.]`,
    );
  });
});

describe('Embedding', () => {
  it('looks rows up and collects their gradients', () => {
    const table = new Embedding(4, 2, { key: key(0) });
    const ids = tensor([[3, 1], [3, 3]], { dtype: 'int32' }); // prettier-ignore
    const rows = table.weight.toArraySync() as number[][];
    expect(table.forward(ids).toArraySync()).toEqual([[rows[3], rows[1]], [rows[3], rows[3]]]); // prettier-ignore
    const grads = grad((t: Embedding) => t.forward(ids).sum())(table);
    expect(grads.weight.toArraySync()).toEqual([[0, 0], [1, 1], [0, 0], [3, 3]]); // prettier-ignore
  });
});

describe('norms', () => {
  it('LayerNorm normalises rows, then scales and shifts', () => {
    const x = tensor([[1, 2, 3, 4]]);
    const [row] = new LayerNorm(4, { eps: 0, affine: false })
      .forward(x)
      .toArraySync() as number[][];
    [-3, -1, 1, 3].forEach((d, i) => expect(row[i]).toBeCloseTo(d / Math.sqrt(5), 5));
    const affine = loadTensors(
      new LayerNorm(4, { eps: 0 }),
      new Map([['weight', tensor([1, 0, 0, 2])], ['bias', tensor([0, 5, 0, 1])]]), // prettier-ignore
    );
    const [scaled] = affine.forward(x).toArraySync() as number[][];
    [row[0], 5, 0, 2 * row[3] + 1].forEach((y, i) => expect(scaled[i]).toBeCloseTo(y, 5));
    expect(() => affine.forward(ones([2, 3]))).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: LayerNorm: x is [2, 3], but the last axis must have size 4.]`,
    );
  });

  it('RMSNorm divides rows by their root mean square, then scales', () => {
    const x = tensor([[1, 7], [-3, 4]]); // prettier-ignore
    const norm = loadTensors(new RMSNorm(2, { eps: 0 }), new Map([['weight', tensor([1, 2])]]));
    const expected = tensor([[1 / 5, 14 / 5], [-3 / Math.sqrt(12.5), 8 / Math.sqrt(12.5)]]); // prettier-ignore
    expect(distance(norm.forward(x), expected)).toBeLessThan(1e-6);
    const plain = new RMSNorm(2, { eps: 0.75, affine: false });
    expect(plain.weight).toBeNull();
    expect(distance(plain.forward(tensor([[0.5, 0.5]])), tensor([[0.5, 0.5]]))).toBeLessThan(1e-6);
    expect(() => norm.forward(ones([2, 3]))).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: RMSNorm: x is [2, 3], but the last axis must have size 2.]`,
    );
  });

  it('GroupNorm of one group a channel normalises each channel, of one group each sample', () => {
    const x = random(2, [2, 4, 3, 3]);
    const norm = (y: Tensor): Tensor =>
      new LayerNorm(y.shape[y.rank - 1], { affine: false }).forward(y);
    expect(
      distance(new GroupNorm(4, 4).forward(x), norm(x.flatten(2)).reshape(x.shape)),
    ).toBeLessThan(1e-6);
    expect(
      distance(new GroupNorm(1, 4).forward(x), norm(x.flatten(1)).reshape(x.shape)),
    ).toBeLessThan(1e-6);
    const plain = new GroupNorm(2, 4, { affine: false });
    expect(distance(plain.forward(x), new GroupNorm(2, 4).forward(x))).toBe(0);
  });

  it('GroupNorm scales and shifts by channel', () => {
    const x = random(3, [1, 2, 5]);
    const plain = new GroupNorm(2, 2);
    const affine = loadTensors(plain, new Map([['weight', tensor([2, 3])], ['bias', tensor([0, 1])]])); // prettier-ignore
    const expected = plain.forward(x).mul(tensor([[2], [3]])).add(tensor([[0], [1]])); // prettier-ignore
    expect(distance(affine.forward(x), expected)).toBe(0);
  });

  it('refuses what does not divide or fit', () => {
    expect(() => new GroupNorm(3, 4)).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: GroupNorm: 4 channels do not divide into 3 groups.]`,
    );
    expect(() => new GroupNorm(2, 4).forward(ones([1, 6, 2]))).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: GroupNorm: x is [1, 6, 2], but [B, 4, ...] is expected.]`,
    );
  });
});

describe('attention', () => {
  const [T, D, N] = [3, 4, 2];
  const attention = new SelfAttention(D, N, { key: key(3), init: init.normal(0.5) });

  it('attends within each head', () => {
    const x = random(4, [2, T, D]);
    const qkv = attention.qkv.forward(x).toArraySync() as number[][][];
    const mixed = qkv.map((rows) =>
      rows.map((query) =>
        Array.from({ length: D }, (_, d) => {
          const head = Math.floor(d / (D / N)) * (D / N);
          const logit = (k: number[]): number =>
            (query[head] * k[D + head] + query[head + 1] * k[D + head + 1]) / Math.sqrt(D / N);
          const weights = rows.map((k) => Math.exp(logit(k)));
          const total = weights.reduce((a, b) => a + b);
          return rows.reduce((sum, row, i) => sum + (weights[i] / total) * row[2 * D + d], 0);
        }),
      ),
    );
    expect(distance(attention.forward(x), attention.proj.forward(tensor(mixed)))).toBeLessThan(
      1e-5,
    );
  });

  it('across to the sequence itself is self-attention', () => {
    const cross = loadTensors(
      new CrossAttention(D, N, { key: key(0) }),
      new Map([
        ['q.weight', attention.qkv.weight.slice([[0, D]])],
        ['q.bias', ones([D])],
        ['kv.weight', attention.qkv.weight.slice([[D]])],
        ['kv.bias', ones([2 * D])],
        ['proj.weight', attention.proj.weight],
        ['proj.bias', ones([D])],
      ]),
    );
    const self = loadTensors(
      attention,
      new Map([
        ['qkv.weight', attention.qkv.weight],
        ['qkv.bias', ones([3 * D])],
        ['proj.weight', attention.proj.weight],
        ['proj.bias', ones([D])],
      ]),
    );
    const x = random(5, [2, T, D]);
    expect(distance(cross.forward(x, x), self.forward(x))).toBeLessThan(1e-6);
  });

  it('takes contexts of another length and width', () => {
    const cross = new CrossAttention(4, 2, { key: key(0), contextWidth: 6, bias: false });
    expect(cross.kv.weight.shape).toEqual([8, 6]);
    expect(cross.kv.bias).toBeNull();
    expect(cross.forward(ones([2, 3, 4]), ones([2, 5, 6])).shape).toEqual([2, 3, 4]);
  });

  it('takes masks: causal, a bool, or added to the logits', () => {
    const x = random(7, [2, T, D]);
    const causal = attention.forward(x, { causal: true });
    // The first token sees itself alone: its output is that of a sequence of one.
    const first = attention.forward(x.slice([null, [0, 1]]));
    expect(distance(causal.slice([null, [0, 1]]), first)).toBeLessThan(1e-6);
    const lower = tensor([[1, 0, 0], [1, 1, 0], [1, 1, 1]]); // prettier-ignore
    expect(distance(attention.forward(x, { mask: lower.greater(0) }), causal)).toBeLessThan(1e-6);
    const added = lower.greater(0).where(0, -Infinity);
    expect(distance(attention.forward(x, { mask: added }), causal)).toBeLessThan(1e-6);
  });

  it('hides the padding of a context', () => {
    const cross = new CrossAttention(D, N, { key: key(8), contextWidth: 6 });
    const x = random(9, [2, T, D]);
    const context = random(10, [2, 5, 6]);
    const mask = tensor([[true, true, true, false, false], [true, true, true, false, false]]); // prettier-ignore
    const masked = cross.forward(x, context, { mask: mask.reshape([2, 1, 1, 5]) });
    const short = cross.forward(x, context.slice([null, [0, 3]]));
    expect(distance(masked, short)).toBeLessThan(1e-6);
  });

  it('refuses widths that do not divide', () => {
    expect(() => new SelfAttention(6, 4, { key: key(0) })).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: SelfAttention: width 6 does not divide into 4 heads.]`,
    );
    expect(() => new CrossAttention(6, 4, { key: key(0) })).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: CrossAttention: width 6 does not divide into 4 heads.]`,
    );
  });
});

describe('Mlp', () => {
  it('is fc2 of gelu of fc1', () => {
    const mlp = new Mlp(3, 8, { key: key(1), init: init.xavierUniform() });
    const x = random(6, [2, 3]);
    expect(mlp.fc1.weight.shape).toEqual([8, 3]);
    expect(distance(mlp.forward(x), mlp.fc2.forward(gelu(mlp.fc1.forward(x))))).toBe(0);
    expect(new Mlp(3, 8, { key: key(1) }).fc2.weight.shape).toEqual([3, 8]);
  });
});
