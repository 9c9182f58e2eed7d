import { gelu, matmul, wasmBackend, type WasmBackend } from '@tessera/tensor';
import { planProgram, simplify, trace } from '@tessera/tensor/extend';
import { describe, expect, it } from 'vitest';

describe('the end of the memory', () => {
  /** Bytes of all blocks that there can be: the last one ends before addresses would wrap around. */
  const MOST = 2 ** 32 - 1024 - 128;

  const specs = [
    [130, 257],
    [257, 130],
  ].map((shape) => ({ shape, dtype: 'float32' as const }));
  const capture = (): never => {
    throw new Error('nothing is captured here');
  };
  const program = trace(([a, b]) => [gelu(matmul(a, b)).add(1)], specs, {
    composites: new Set(),
    capture,
  });

  /** A backend with the operands of a product, and what makes it ready and computes it. */
  function open(threads: number): { backend: WasmBackend; product: () => number[] } {
    const backend = wasmBackend({ threads });
    const plan = planProgram(simplify(program), [], undefined, backend.epilogues);
    const inputs = specs.map(({ shape: [rows, columns] }, seed) =>
      backend.store(
        Float32Array.from({ length: rows * columns }, (_, i) => Math.sin(i + seed)),
        'float32',
      ),
    );
    const output = backend.allocate('float32', 130 * 130);
    const product = (): number[] => {
      backend.prepare(plan, []).run(inputs, [output]);
      return Array.from(backend.readSync(output));
    };
    return { backend, product };
  }

  it.each([1, 2])(
    'holds the scratch memory of a product, or it is an error: %i threads',
    (threads) => {
      const roomy = open(threads);
      const before = roomy.backend.usedBytes();
      const expected = roomy.product();
      const needed = roomy.backend.usedBytes() - before;
      roomy.backend.stopThreads();

      const { backend, product } = open(threads);
      // The frame finds its place here, so that the scratch memory is what comes last.
      const gap = backend.allocate('bool', 4096);
      const errors: unknown[] = [];
      const productIn = (left: number): number[] | null => {
        const rest = backend.allocate('bool', MOST - backend.usedBytes() - left);
        backend.release(gap);
        try {
          return product();
        } catch (error) {
          errors.push(error);
          return null;
        } finally {
          backend.release(rest);
        }
      };
      expect(productIn(needed - 4096)).toBeNull();
      let result: number[] | null = null;
      for (let left = needed - 2048; result === null; left += 128) result = productIn(left);
      expect(result).toEqual(expected);
      expect(errors.length).toBeGreaterThan(1);
      for (const error of errors) {
        expect(String(error)).toMatch(
          /^StateError: prepare: no memory is left for \d+ MiB: 409\d MiB are in use, and WebAssembly reaches 4096 MiB\. Use smaller/,
        );
      }
      backend.stopThreads();
    },
  );
});
