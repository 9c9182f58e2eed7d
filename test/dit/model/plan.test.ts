import { grad } from '@tessera/autograd';
import { AdaLnZeroBlock } from '@tessera/dit';
import { compile, cpuBackend, key, setDefaultBackend, wasmBackend, zeros } from '@tessera/tensor';
import type { Tensor } from '@tessera/tensor';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { officialStart } from '../../../packages/dit/src/model/initialization.ts';

const forward = (block: AdaLnZeroBlock, tokens: Tensor, condition: Tensor): Tensor =>
  block.forward(tokens, condition);
const gradient = grad((block: AdaLnZeroBlock, tokens: Tensor, condition: Tensor) =>
  block.forward(tokens, condition).square().mean(),
);

/** The plan of a function of a block of DiT-S's heads, 16 tokens wide 128, and a condition. */
function planOf(f: (block: AdaLnZeroBlock, tokens: Tensor, condition: Tensor) => unknown): string {
  const sizes = { width: 128, heads: 4, hidden: 512 };
  const block = new AdaLnZeroBlock(sizes, { key: key(0), start: officialStart });
  return `${compile(f).stages(block, zeros([2, 16, 128]), zeros([2, 128])).plan}\n`;
}

function sizeOf(plan: string): { readonly lines: number; readonly columns: number } {
  const lines = plan.trimEnd().split('\n');
  return { lines: lines.length, columns: Math.max(...lines.map(({ length }) => length)) };
}

describe('the plan of an adaLN-Zero block fits a page', () => {
  // Plans depend on what a backend fuses: wasm has softmax, layer norm, attention and epilogues.
  beforeEach(() => {
    setDefaultBackend(wasmBackend({ threads: 1 }));
  });
  afterEach(() => {
    setDefaultBackend(null);
  });

  it('forward', async () => {
    const plan = planOf(forward);
    const { lines, columns } = sizeOf(plan);
    expect(lines).toBeLessThanOrEqual(60);
    expect(columns).toBeLessThanOrEqual(100);
    await expect(plan).toMatchFileSnapshot('adaln-zero.plan.txt');
  });

  it('with its gradient', async () => {
    const plan = planOf(gradient);
    const { lines, columns } = sizeOf(plan);
    expect(lines).toBeLessThanOrEqual(150);
    expect(columns).toBeLessThanOrEqual(100);
    await expect(plan).toMatchFileSnapshot('adaln-zero-gradient.plan.txt');
  });

  it('in its width on a backend that fuses no composites too', () => {
    setDefaultBackend(cpuBackend());
    expect(sizeOf(planOf(forward)).columns).toBeLessThanOrEqual(100);
    expect(sizeOf(planOf(gradient)).columns).toBeLessThanOrEqual(100);
  });
});
