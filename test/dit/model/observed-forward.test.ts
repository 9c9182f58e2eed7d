import { describe, expect, it } from 'vitest';
import type { SelfAttention } from '@tessera/autograd/nn';
import { key, ones, type Tensor } from '@tessera/tensor';
import { observe, observeForward, type Block } from '@tessera/dit';
import { DESIGNS } from '../../../packages/dit/src/config/choices.ts';
import { maxDifference, randomInputs, randomModel, TINY } from './sizes.ts';

/** Sums of float32 in another order: a few units in the last place of values up to about 50. */
const ROUNDING = 5e-5;

describe.each(DESIGNS)('observeForward of %s', (design) => {
  const config = { ...TINY, design, ...(design === 'modern' && { qkNorm: true }) };
  const model = randomModel(config, key(1));
  const { x, t, y } = randomInputs(config, 2, key(2));
  const seen = observeForward(model, x, t, y);
  const outputs = new Map<string, Tensor>();
  const inputs = new Map<string, readonly Tensor[]>();
  observe(model, (path, output, given) => {
    outputs.set(path, output);
    inputs.set(path, given);
  }).forward(x, t, y);
  const ofBlock = <Part>(all: ReadonlyMap<string, Part>, path: string): Part => {
    const part = all.get(path);
    if (part === undefined) throw new Error(`${path} was not called`);
    return part;
  };

  it('gives the output of the forward pass, to the bit', () => {
    expect(maxDifference(seen.output, model.forward(x, t, y))).toBe(0);
  });

  it.each([0, 1])('gives the weights with which attention of block %d mixes values', (i) => {
    const { attention } = seen.blocks[i];
    const tokens = design === 'in-context' ? 6 : 4;
    expect(attention.shape).toEqual([2, 2, tokens, tokens]);
    expect(maxDifference(attention.sum(-1), ones([2, 2, tokens]))).toBeLessThan(1e-6);
    const { attn } = model.blocks[i] as Block & { readonly attn: SelfAttention };
    const [, , values] = attn.project(ofBlock(inputs, `blocks.${i}.attn`)[0]);
    const mixed = attention.matmul(values).permute([0, 2, 1, 3]).flatten(2); // [B, T, D]
    const used = ofBlock(outputs, `blocks.${i}.attn`);
    expect(maxDifference(attn.proj.forward(mixed), used)).toBeLessThan(ROUNDING);
  });

  it('gives the gates by which a block takes its attention, where the design has gates', () => {
    const { gates } = seen.blocks[1];
    if (design !== 'adaln-zero' && design !== 'modern') return expect(gates).toBeNull();
    const attended = ofBlock(outputs, 'blocks.1.attn');
    const [before] = ofBlock(inputs, 'blocks.1');
    const [after] = ofBlock(inputs, 'blocks.1.norm2');
    const gate = gates?.attn.unsqueeze(1) ?? ones([]);
    expect(maxDifference(before.add(gate.mul(attended)), after)).toBe(0);
  });
});
