import { einsum, key, ones, randomInt, scalar, zeros, type Tensor } from '@tessera/tensor';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const LABELS = ['a', 'b', 'c', 'd'];

/** Whole numbers, so that every order of summation gives the same. */
const random = (shape: readonly number[], seed: number): Tensor =>
  randomInt(key(seed), [...shape], -4, 5).cast('float32');

/** The definition: a loop over every value of every label. */
function definition(inputs: string[], output: string, operands: Tensor[]): number[] {
  const sizes = new Map<string, number>();
  for (const [i, labels] of inputs.entries()) {
    for (const [axis, label] of Array.from(labels).entries())
      sizes.set(label, operands[i].shape[axis]);
  }
  const labels = [...sizes.keys()];
  const sizeOf = (list: string[]): number =>
    list.reduce((size, label) => size * (sizes.get(label) ?? 1), 1);
  const data = operands.map((x) => x.dataSync());
  const result = new Array<number>(sizeOf(Array.from(output))).fill(0);
  for (let flat = 0; flat < sizeOf(labels); flat++) {
    const at = new Map<string, number>();
    let rest = flat;
    for (const label of labels) {
      const n = sizes.get(label) ?? 1;
      at.set(label, rest % n);
      rest = Math.floor(rest / n);
    }
    const place = (text: string): number =>
      Array.from(text).reduce(
        (index, label) => index * (sizes.get(label) ?? 1) + (at.get(label) ?? 0),
        0,
      );
    result[place(output)] += inputs.reduce((product, text, i) => product * data[i][place(text)], 1);
  }
  return result;
}

describe('einsum', () => {
  it('agrees with its definition for any equation', () => {
    const terms = fc.array(fc.array(fc.constantFrom(...LABELS), { maxLength: 3 }), {
      minLength: 1,
      maxLength: 4,
    });
    fc.assert(
      fc.property(
        terms,
        fc.array(fc.nat(3), { minLength: 4, maxLength: 4 }),
        fc.shuffledSubarray(LABELS),
        fc.nat(),
        (inputs, sizes, order, seed) => {
          const output = order
            .filter((label) => inputs.some((labels) => labels.includes(label)))
            .join('');
          const texts = inputs.map((labels) => labels.join(''));
          const operands = inputs.map((labels, i) => {
            return random(
              labels.map((label) => sizes[LABELS.indexOf(label)]),
              seed + i,
            );
          });
          const y = einsum(`${texts.join(',')}->${output}`, ...operands);
          expect(y.shape).toEqual(Array.from(output, (label) => sizes[LABELS.indexOf(label)]));
          const difference = definition(texts, output, operands).map((x, i) => x - y.dataSync()[i]);
          expect(difference.every((d) => d === 0)).toBe(true);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('has the labels that occur once, in alphabetical order, without an arrow', () => {
    const [a, b] = [random([2, 3], 1), random([3, 4], 2)];
    expect(einsum('ij,jk', a, b).toArraySync()).toEqual(a.matmul(b).toArraySync());
    expect(einsum('kj', a).toArraySync()).toEqual(a.transpose().toArraySync());
    expect(einsum('ii', random([3, 3], 3)).shape).toEqual([]);
    expect(einsum(' i j , j k -> i k ', a, b).shape).toEqual([2, 4]);
  });

  it('broadcasts what ... stands for', () => {
    const [a, b] = [random([5, 1, 2, 3], 1), random([4, 3, 2], 2)];
    const product = a.matmul(b);
    expect(einsum('...ij,...jk->...ik', a, b).toArraySync()).toEqual(product.toArraySync());
    expect(einsum('...ij,...jk', a, b).toArraySync()).toEqual(product.toArraySync());
    expect(einsum('...ij,...jk->ik...', a, b).toArraySync()).toEqual(
      product.permute([2, 3, 0, 1]).toArraySync(),
    );
    expect(einsum('...ij->ij', a).toArraySync()).toEqual(a.sum([0, 1]).toArraySync());
    expect(einsum('i...,i->...', a, ones([5])).toArraySync()).toEqual(a.sum(0).toArraySync());
    expect(einsum('...,...->...', scalar(3), scalar(2)).itemSync()).toBe(6);
  });

  it('takes views of any dtype', () => {
    const x = randomInt(key(1), [3, 4], 0, 9).transpose().flip(0);
    const y = einsum('ij,kj->ik', x, x);
    expect(y.dtype).toBe('float32');
    expect(y.toArraySync()).toEqual(
      x.cast('float32').matmul(x.cast('float32').transpose()).toArraySync(),
    );
  });

  it('refuses equations that it cannot read', () => {
    expect(() => einsum('ij,jk->ik', ones([2, 3]))).toThrowErrorMatchingInlineSnapshot(
      `[ValueError: einsum: 'ij,jk->ik' is no equation for 1 operands: write one term of letters and '...' per operand, like 'ij,jk->ik'.]`,
    );
    expect(() => einsum('i1->i', ones([2, 3]))).toThrowErrorMatchingInlineSnapshot(
      `[ValueError: einsum: 'i1->i' is no equation for 1 operands: write one term of letters and '...' per operand, like 'ij,jk->ik'.]`,
    );
    expect(() => einsum('i->i->i', ones([2]))).toThrowErrorMatchingInlineSnapshot(
      `[ValueError: einsum: 'i->i->i' is no equation for 1 operands: write one term of letters and '...' per operand, like 'ij,jk->ik'.]`,
    );
    expect(() => einsum('..i->i', ones([2]))).toThrowErrorMatchingInlineSnapshot(
      `[ValueError: einsum: '..i->i' is no equation for 1 operands: write one term of letters and '...' per operand, like 'ij,jk->ik'.]`,
    );
    expect(() => einsum('ij->k', ones([2, 3]))).toThrowErrorMatchingInlineSnapshot(
      `[ValueError: einsum: label k of the output of 'ij->k' is in no operand, or named twice.]`,
    );
    expect(() => einsum('ij->ii', ones([2, 3]))).toThrowErrorMatchingInlineSnapshot(
      `[ValueError: einsum: label i of the output of 'ij->ii' is in no operand, or named twice.]`,
    );
  });

  it('refuses operands that do not fit', () => {
    expect(() =>
      einsum('ij,jk->ik', ones([2, 3]), ones([4, 5])),
    ).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: einsum: sizes 3 and 4 of label j clash in 'ij,jk->ik' with operands [2, 3] and [4, 5].]`,
    );
    expect(() => einsum('ij->i', ones([2]))).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: einsum: term 'ij' of 'ij->i' does not fit [2] of rank 1.]`,
    );
    expect(() => einsum('i->i', ones([2, 3]))).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: einsum: term 'i' of 'i->i' does not fit [2, 3] of rank 2.]`,
    );
    expect(() => einsum('...ij->i', ones([2]))).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: einsum: term '...ij' of '...ij->i' does not fit [2] of rank 1.]`,
    );
    expect(() => einsum('ii->i', ones([2, 3]))).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: einsum: label i stands for sizes 2 and 3 of [2, 3].]`,
    );
    expect(() => einsum('i,i->i', ones([1]), zeros([3]))).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: einsum: sizes 1 and 3 of label i clash in 'i,i->i' with operands [1] and [3].]`,
    );
    expect(() => einsum('...,...->...', ones([2]), zeros([3]))).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: einsum: sizes 2 and 3 of label ...0 clash in '...,...->...' with operands [2] and [3].]`,
    );
  });
});
