import {
  Buffer,
  countParameters,
  LayerNorm,
  Linear,
  loadTensors,
  Module,
  namedParameters,
  namedTensors,
} from '@tessera/autograd/nn';
import { key, ones, split, tensor, zeros, type Tensor } from '@tessera/tensor';
import { describe, expect, it } from 'vitest';

class Net extends Module {
  readonly pos_embed: Buffer = new Buffer(ones([1, 2]));
  readonly blocks: readonly Module[];
  readonly mean: { readonly running: Buffer } = { running: new Buffer(zeros([2])) };
  readonly seen: Tensor = tensor([3], { dtype: 'int32' });
  readonly width: number = 2;

  constructor(random: Tensor) {
    super();
    const [first, second] = split(random);
    this.blocks = [
      new Linear(2, 3, { key: first }),
      new LayerNorm(3),
      new LayerNorm(3, { affine: false }),
      new Linear(3, 1, { key: second, bias: false }),
    ];
  }
}

const net = new Net(key(1));

describe('names', () => {
  it('lists the trained tensors in the order of the fields', () => {
    expect(namedParameters(net).map(([name, { shape }]) => [name, shape])).toEqual([
      ['blocks.0.weight', [3, 2]],
      ['blocks.0.bias', [3]],
      ['blocks.1.weight', [3]],
      ['blocks.1.bias', [3]],
      ['blocks.3.weight', [1, 3]],
    ]);
    expect(countParameters(net)).toBe(18);
  });

  it('lists all tensors, buffers under the name of their field', () => {
    const names = namedTensors(net).map(([name]) => name);
    expect(names).toEqual([
      'pos_embed',
      'blocks.0.weight',
      'blocks.0.bias',
      'blocks.1.weight',
      'blocks.1.bias',
      'blocks.3.weight',
      'mean.running',
      'seen',
    ]);
  });
});

describe('loadTensors', () => {
  it('puts the tensors of a checkpoint into a new module', () => {
    const doubled = new Map(
      namedTensors(net).map(([name, value]) => [name, value.mul(2)] as const),
    );
    const loaded = loadTensors(net, doubled);
    expect(loaded).toBeInstanceOf(Net);
    expect(loaded.blocks[0]).toBeInstanceOf(Linear);
    expect(loaded.pos_embed).toBeInstanceOf(Buffer);
    expect(loaded.pos_embed.value.toArraySync()).toEqual([[2, 2]]);
    expect(namedTensors(loaded)).toEqual([...doubled]);
    expect(net.pos_embed.value.toArraySync()).toEqual([[1, 1]]);
  });

  it('names everything that does not fit', () => {
    const tensors = new Map(namedTensors(net));
    tensors.delete('pos_embed');
    tensors.delete('blocks.1.bias');
    tensors.set('head.weight', ones([1]));
    tensors.set('blocks.0.bias', ones([4]));
    tensors.set('seen', ones([1]));
    expect(() => loadTensors(net, tensors)).toThrowErrorMatchingInlineSnapshot(
      `[FormatError: loadTensors: the tensors do not fit the module. 2 missing: pos_embed, blocks.1.bias. 1 unexpected: head.weight. 2 different: blocks.0.bias is float32[4], not float32[3], seen is float32[1], not int32[1].]`,
    );
  });

  it('shortens long lists', () => {
    const many = Array.from({ length: 20 }, () => ones([1]));
    expect(() => loadTensors(many, new Map())).toThrowErrorMatchingInlineSnapshot(
      `[FormatError: loadTensors: the tensors do not fit the module. 20 missing: 0, 1, 2, 3, 4, 5, 6, 7 and 12 more.]`,
    );
  });
});
