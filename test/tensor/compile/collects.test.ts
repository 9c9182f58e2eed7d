import { afterEach, describe, expect, it } from 'vitest';
import {
  compile,
  defaultBackend,
  key,
  normal,
  setDefaultBackend,
  tensor,
  wasmBackend,
  type Tensor,
} from '@tessera/tensor';

const before = defaultBackend();

afterEach(() => {
  setDefaultBackend(before);
});

/** Drops tensors of 1 MiB. */
function litter(): void {
  for (let i = 0; i < 8; i++) normal(key(i), [2 ** 18]);
}

describe('the option collects of compile', () => {
  it('gives the memory of dropped tensors back once a plan is made, before it runs', () => {
    const backend = wasmBackend({ threads: 1 });
    setDefaultBackend(backend);
    const x = tensor([1, 2]);
    const double = compile((y: Tensor) => y.mul(2), { collects: true });
    litter();
    const littered = backend.usedBytes();
    expect(double(x).toArraySync()).toEqual([2, 4]);
    expect(littered - backend.usedBytes()).toBeGreaterThan(4 * 2 ** 20);
    litter();
    const again = backend.usedBytes();
    double(x);
    expect(backend.usedBytes()).toBeGreaterThanOrEqual(again);
  });

  it('is true or false', () => {
    const options = { collects: 'no' } as unknown as { collects: boolean };
    expect(() => compile((x: Tensor) => x, options)).toThrowErrorMatchingInlineSnapshot(
      `[ValueError: compile: collects must be true or false, but is 'no'.]`,
    );
  });
});
