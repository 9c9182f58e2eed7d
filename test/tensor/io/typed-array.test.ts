import { describe, expect, it } from 'vitest';
import { cpuBackend, setDefaultBackend, tensor } from '@tessera/tensor';

// Memory of WebAssembly is not that of the array.
setDefaultBackend(cpuBackend());

describe('typed arrays', () => {
  it('become tensors and come back without a copy', async () => {
    const numbers = Float32Array.of(1, 2, 3, 4);
    const x = tensor(numbers, { shape: [2, 2] });
    expect(x.dataSync().buffer).toBe(numbers.buffer);
    expect((await x.data()).buffer).toBe(numbers.buffer);
    const row = x.select(0, 1).dataSync();
    expect([row.buffer, row.byteOffset, ...row]).toEqual([numbers.buffer, 8, 3, 4]);
    const column = x.select(1, 1).dataSync(); // its elements do not lie in a row
    expect([column.buffer === numbers.buffer, ...column]).toEqual([false, 2, 4]);
  });
});
