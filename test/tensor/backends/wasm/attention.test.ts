import { composites } from '@tessera/tensor/extend';
import fc from 'fast-check';
import { describe, it } from 'vitest';
import { inputOf, type Input } from '../cpu/kernel-runs.ts';
import { contiguousInput, inputFor, sizeOfCancelled } from '../composites.ts';
import { checkAsDefined } from './composite-runs.ts';

const { attention, attentionGrad } = composites;

/** The numbers are such that logits are exact; weights and sums are off by a few roundings each. */
const CLOSE = 4e-6;

const sizes = fc.record({
  batch: fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 2 }),
  T: fc.integer({ min: 0, max: 19 }),
  S: fc.integer({ min: 0, max: 19 }),
  E: fc.integer({ min: 0, max: 11 }),
  F: fc.integer({ min: 0, max: 11 }),
  scale: fc.constantFrom(0.25, 1, -0.5, 0),
});

describe.each([
  ['attention', attention],
  ['attentionGrad', attentionGrad],
])('%s on wasm', (name, composite) => {
  /** The operands of these shapes: the gradient also takes ȳ. */
  const shapesOf = (
    batch: readonly number[],
    [T, S, E, F]: readonly number[],
  ): readonly (readonly number[])[] => {
    const operands = [[...batch, T, E], [...batch, S, E], [...batch, S, F]]; // prettier-ignore
    return name === 'attention' ? operands : [...operands, [...batch, T, F]];
  };

  it('is what it is on cpu, of any sizes and views', () => {
    const cases = sizes.chain(({ batch, T, S, E, F, scale }) =>
      fc.record({
        inputs: fc.tuple(...shapesOf(batch, [T, S, E, F]).map((shape) => inputOf(shape))),
        scale: fc.constant(scale),
      }),
    );
    fc.assert(
      fc.property(cases, ({ inputs, scale }) => {
        checkAsDefined(composite, { scale }, inputs, CLOSE * sizeOfCancelled(inputs));
      }),
      { numRuns: 40 },
    );
  });

  it.each([
    [[2], [137, 11, 5, 9]],
    [[1], [9, 531, 4, 8]],
    [[1], [130, 263, 70, 3]],
    [[], [3, 1030, 17, 33]],
    [[40], [49, 49, 32, 32]],
  ])('takes blocks of queries and keys: %j, T, S, E, F = %j', (batch, lengths) => {
    const inputs = shapesOf(batch, lengths).map((shape, i) => contiguousInput(shape, i));
    checkAsDefined(composite, { scale: 0.125 }, inputs, CLOSE);
  });

  it('reads heads from one buffer of queries, keys and values', () => {
    const [B, N, T, E] = [3, 4, 13, 8];
    const D = N * E;
    const heads = (offset: number, row: number): Input =>
      inputFor({ shape: [B, N, T, E], strides: [T * row, E, row, 1], offset }, offset + 1);
    const inputs = [heads(0, 3 * D), heads(D, 3 * D), heads(2 * D, 3 * D), heads(0, D)];
    checkAsDefined(composite, { scale: 0.3 }, inputs.slice(0, shapesOf([], []).length), CLOSE);
  });

  it.each([NaN, Infinity, -Infinity])('keeps %d to the rows that see it', (special) => {
    for (const operand of [0, 1, 2]) {
      const inputs = shapesOf([2], [9, 270, 4, 5]).map((shape, i) => contiguousInput(shape, i));
      inputs[operand].elements[6] = special;
      checkAsDefined(composite, { scale: 1 }, inputs, CLOSE);
    }
  });

  it('gives NaN where every logit is −∞, not where only the first ones are', () => {
    const inputs = shapesOf([1], [10, 300, 1, 3]).map((shape, i) => contiguousInput(shape, i));
    inputs[0].elements.fill(1);
    inputs[0].elements[2] = 0.5;
    inputs[1].elements.fill(-Infinity);
    checkAsDefined(composite, { scale: 1 }, inputs, CLOSE);
    inputs[1].elements.fill(2, 280);
    checkAsDefined(composite, { scale: 1 }, inputs, CLOSE);
  });

  it('takes large logits', () => {
    const inputs = shapesOf([1], [10, 300, 4, 3]).map((shape, i) => contiguousInput(shape, i));
    checkAsDefined(composite, { scale: 1024 }, inputs, CLOSE);
  });
});
