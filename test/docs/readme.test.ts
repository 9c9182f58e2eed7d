import { describe, expect, it } from 'vitest';
import { fencesOf, runFence } from './fences.ts';

describe.each(['README.md'])('%s', (file) => {
  const fences = fencesOf(file);

  it('has examples', () => {
    expect(fences.length).toBeGreaterThan(0);
  });

  it.each(fences)('runs the example at line $line', async (fence) => {
    const printed = await runFence(fence);
    expect(printed).toBe(fence.output ?? printed);
  });
});
