import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  compile,
  defaultBackend,
  scalar,
  setDefaultBackend,
  tensor,
  wasmBackend,
  zeros,
  type Tensor,
} from '@tessera/tensor';

const before = defaultBackend();

afterEach(() => {
  setDefaultBackend(before);
  vi.restoreAllMocks();
});

describe('a compiled function', () => {
  it('keeps the plans that were used last, and says once which argument varies', () => {
    const warnings = vi.spyOn(console, 'warn').mockReturnValue();
    let traces = 0;
    const scaled = compile(function scaled(x: Tensor, options: { by: number }) {
      traces++;
      return x.mul(options.by);
    });
    const x = tensor([3]);
    const call = (by: number): number => scaled(x, { by }).itemSync();
    for (let by = 1; by <= 99; by++) call(by);
    expect(warnings).not.toHaveBeenCalled();
    for (let by = 100; by <= 300; by++) {
      call(by);
      expect(call(1)).toBe(3);
    }
    expect(traces).toBe(300);
    expect(warnings.mock.calls).toMatchInlineSnapshot(`
      [
        [
          "compile: scaled has 100 plans, since argument 1 (from 0) varies. 128 are kept. Pass numbers as tensors, and tensors in few shapes.",
        ],
      ]
    `);
    call(300);
    call(174);
    expect(traces).toBe(300);
    expect(call(173)).toBe(519);
    expect(traces).toBe(301);
  });

  it('names the shapes that vary', () => {
    const warnings = vi.spyOn(console, 'warn').mockReturnValue();
    const f = compile((_a: Tensor, b: Tensor) => b.sum());
    for (let n = 1; n <= 100; n++) f(scalar(1), zeros([n]));
    expect(warnings.mock.calls).toMatchInlineSnapshot(`
      [
        [
          "compile: a function has 100 plans, since argument 1 (from 0) varies. 128 are kept. Pass numbers as tensors, and tensors in few shapes.",
        ],
      ]
    `);
  });

  it('gives back what the plans that it drops hold, at once', () => {
    vi.spyOn(console, 'warn').mockReturnValue();
    const backend = wasmBackend({ threads: 1 });
    setDefaultBackend(backend);
    const f = compile((x: Tensor, by: number) => x.mul(by));
    const x = tensor([1, 2]);
    const call = (by: number): void => {
      f(x, by)[Symbol.dispose]();
    };
    for (let by = 0; by < 128; by++) call(by);
    const used = backend.usedBytes();
    for (let by = 0; by < 300; by++) call(by);
    expect(backend.usedBytes()).toBe(used);
  });
});
