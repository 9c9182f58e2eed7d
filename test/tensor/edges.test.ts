import { describe, expect, it } from 'vitest';
import {
  compile,
  conv2d,
  convTranspose2d,
  encodeSafetensors,
  full,
  key,
  normal,
  ones,
  scatterAdd,
  split,
  tensor,
  TesseraError,
  uniform,
  type Tensor,
} from '@tessera/tensor';

/** What must not make a tensor of an impossible shape, or hold what its dtype does not. */
const refused: readonly (readonly [string, () => unknown])[] = [
  ['expand to -1', () => tensor([1]).expand([-1])],
  ['expand to a fraction', () => tensor([1]).expand([1.5])],
  ['random numbers of fractional size', () => normal(key(0), [1.5])],
  ['random numbers of negative size', () => uniform(key(0), [-2])],
  ['a negative number of keys', () => split(key(0), -1)],
  ['fractional padding', () => tensor([1]).pad([[0.5, 0.5]])],
  ['a negative piece', () => tensor([1, 2, 3]).split([-1, 4], 0)],
  ['an empty kernel', () => conv2d(ones([1, 1, 3, 3]), ones([1, 1, 0, 3]))],
  [
    'a transposed convolution with nothing left',
    () => convTranspose2d(ones([1, 1, 1, 1]), ones([1, 1, 1, 1]), { padding: 2 }),
  ],
  [
    'a scatter into a fraction of a row',
    () => scatterAdd(tensor(Int32Array.of(0)), tensor([1]), 0, [2.5]),
  ],
  [
    'a scatter into fewer than none',
    () => scatterAdd(tensor(Int32Array.of(0)), tensor([1]), 0, [-3]),
  ],
  [
    'a fraction of output padding',
    () =>
      convTranspose2d(ones([1, 1, 2, 2]), ones([1, 1, 2, 2]), { stride: 2, outputPadding: 0.5 }),
  ],
  ['bytes as bools', () => tensor(Uint8Array.of(1, 7))],
  ['a fraction as int32', () => full([1], 1.5, 'int32')],
  ['a number beyond int32', () => full([1], 3e9, 'int32')],
  [
    'a reserved name in a file',
    () =>
      encodeSafetensors(
        new Map([['__metadata__', { dtype: 'bool', shape: [0], data: new Uint8Array(0) }]]),
      ),
  ],
  [
    'data of another dtype in a file',
    () =>
      encodeSafetensors(new Map([['w', { dtype: 'int32', shape: [1], data: Float32Array.of(1) }]])),
  ],
];

describe('refuses', () => {
  it.each(refused)('%s', (_name, make) => {
    expect(make).toThrow(TesseraError);
  });

  it('each with a text that names the operation and the clash', () => {
    const texts = refused.map(([, make]) => {
      try {
        return make();
      } catch (error) {
        return String(error);
      }
    });
    expect(texts).toMatchInlineSnapshot(`
      [
        "ShapeError: expand: sizes must be whole numbers of at least 0, but got [-1].",
        "ShapeError: expand: sizes must be whole numbers of at least 0, but got [1.5].",
        "ShapeError: normal: sizes must be whole numbers of at least 0, but got [1.5].",
        "ShapeError: uniform: sizes must be whole numbers of at least 0, but got [-2].",
        "ValueError: split: count must be a whole number of at least 0, but is -1.",
        "ShapeError: pad: amounts must be whole numbers of at least 0: before [0.5], after [0.5]. Use slice to crop.",
        "ShapeError: split: sizes must be whole numbers of at least 0, but got [-1, 4].",
        "ShapeError: conv2d: the kernel of w [1, 1, 0, 3] does not fit into x [1, 1, 3, 3] with padding [0, 0] and dilation [1, 1].",
        "ShapeError: convTranspose2d: padding [2, 2] cuts off the whole output for x [1, 1, 1, 1] with weight [1, 1, 1, 1].",
        "ShapeError: scatterAdd: sizes must be whole numbers of at least 0, but got [2.5].",
        "ShapeError: scatterAdd: sizes must be whole numbers of at least 0, but got [-3].",
        "ValueError: convTranspose2d: outputPadding [0.5, 0.5] must be whole numbers from 0, smaller than stride [2, 2] or dilation [1, 1].",
        "ValueError: tensor: element 1 is 7, which is no bool. A bool is 0 or 1: compare first, e.g. x.notEqual(0), or take dtype 'int32'.",
        "ValueError: full: 1.5 is no int32. Use float32, or round it first.",
        "ValueError: full: 3000000000 is no int32. Use float32, or round it first.",
        "FormatError: safetensors: "__metadata__" is no name for a tensor.",
        "FormatError: safetensors: "w" is int32, but its data is no Int32Array.",
      ]
    `);
  });
});

const values = (x: Tensor): number[] => Array.from(x.dataSync());

describe('the ends of int32', () => {
  const ends = tensor(Int32Array.of(-(2 ** 31), 5, 2 ** 31 - 1));

  it('order rightly in min, max, minimum and maximum', () => {
    expect(ends.min().itemSync()).toBe(-(2 ** 31));
    expect(ends.max().itemSync()).toBe(2 ** 31 - 1);
    expect(values(ends.minimum(3))).toEqual([-(2 ** 31), 3, 3]);
    expect(values(ends.maximum(3))).toEqual([3, 5, 2 ** 31 - 1]);
  });

  it('compare rightly with numbers beyond them', () => {
    expect(values(ends.less(3e9))).toEqual([1, 1, 1]);
    expect(ends.add(3e9).dtype).toBe('float32');
  });

  it('of bools are false and true', () => {
    const bools = tensor([true, false]);
    expect(values(bools.minimum(true))).toEqual([1, 0]);
    expect(values(bools.minimum(false))).toEqual([0, 0]);
  });
});

describe('the sign of zero', () => {
  it('is the same eager and compiled', () => {
    const f = (x: Tensor): Tensor[] => [x.add(0), x.sub(0), x.mul(1), x.add(-0)];
    const x = tensor([-0, 0]);
    expect(compile(f)(x).map(values)).toEqual(f(x).map(values));
  });
});
