import { describe, expect, it } from 'vitest';
import { fencesOf, runFence } from './fences.ts';

const packages = ['tensor', 'autograd', 'onnx', 'dit'].map((name) => `packages/${name}/README.md`);

const documents = ['README.md', 'ARCHITECTURE.md', 'docs/gpu.md', 'docs/memory.md'];

describe.each([...documents, ...packages])('%s', (file) => {
  const fences = fencesOf(file);

  it('has examples', () => {
    expect(fences.length).toBeGreaterThan(0);
  });

  it.each(fences)('runs the example at line $line', async (fence) => {
    expect(await runFence(fence)).toBe(fence.output);
  });
});
