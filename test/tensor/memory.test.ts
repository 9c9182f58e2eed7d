import {
  arange,
  compile,
  cpuBackend,
  defaultBackend,
  encodeSafetensors,
  eye,
  linspace,
  matmul,
  normal,
  key,
  ones,
  setDefaultBackend,
  StateError,
  tensor,
  tile,
  toNpy,
  wasmBackend,
  zeros,
  type Tensor,
} from '@tessera/tensor';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

/** What takes more memory than any engine has, by the operation that is to refuse it. */
const tooMuch: readonly (readonly [op: string, work: () => unknown])[] = [
  ['iota', () => arange(1e10)],
  ['linspace', () => linspace(0, 1, 1e10)],
  ['equal', () => eye(1e6)],
  ['randomBits', () => normal(key(0), [1e10])],
  ['data', () => zeros([1e10]).dataSync()],
  ['data', () => zeros([1e10], 'int32').toArraySync()],
  ['data', () => tensor([1]).expand([1e10]).dataSync()],
  ['toArray', () => zeros([2 ** 53 - 1, 0]).toArraySync()],
  ['data', () => tile(tensor([1]), [1e10]).dataSync()],
  ['sum', () => tensor(new Float32Array(0), { shape: [2 ** 53 - 1, 0] }).sum(1)],
  ['max', () => tensor([1, 2]).expand([1e12, 2]).max(1)],
  ['add', () => tensor([1]).add(ones([1e10]))],
  ['cast', () => tensor([1]).expand([1e10]).cast('int32')],
  ['pad', () => tensor([1]).pad([[1e10, 0]])],
  ['matmul', () => matmul(normal(key(0), [1e5, 1]), normal(key(0), [1, 1e5]))],
  ['allocate', () => compile((x: Tensor) => x.add(ones([1e10])))(tensor([1]))],
];

describe.each([
  ['cpu', cpuBackend()],
  ['wasm', wasmBackend({ threads: 1 })],
])('more memory than there is, on %s', (_, backend) => {
  let before: ReturnType<typeof setDefaultBackend>;
  beforeEach(() => {
    before = setDefaultBackend(backend);
  });
  afterEach(() => {
    setDefaultBackend(before);
  });

  it.each(tooMuch)('is a StateError of %s (%#)', (op, work) => {
    expect(work).toThrow(StateError);
    expect(work).toThrow(
      new RegExp(`^${op}: (the engine gives no array of|no memory is left for)`),
    );
  });
});

it('is a StateError of the formats that write files', async () => {
  const data = new Float32Array(2);
  Object.defineProperty(data, 'byteLength', { value: 1e15 });
  // What the engine itself says stands in between, and differs between versions.
  const refusal = (op: string): RegExp =>
    new RegExp(`^${op}: the engine gives no array of 953674317 MiB: .*\\. Use smaller tensors`);
  expect(() => encodeSafetensors(new Map([['w', { dtype: 'float32', shape: [2], data }]]))).toThrow(
    refusal('safetensors'),
  );
  const x = tensor([1, 2]);
  vi.spyOn(x, 'data').mockResolvedValue(data);
  await expect(toNpy(x)).rejects.toThrow(refusal('toNpy'));
});

describe('the default backend', () => {
  it('is cpu, with a notice, where the engine has no memory for wasm', () => {
    const before = setDefaultBackend(null);
    const warn = vi.spyOn(console, 'warn').mockReturnValue();
    const { Memory } = WebAssembly;
    WebAssembly.Memory = function refuse() {
      throw new RangeError('could not allocate memory');
    } as unknown as typeof Memory;
    try {
      expect(defaultBackend().name).toBe('cpu');
      expect(warn.mock.calls).toMatchInlineSnapshot(`
        [
          [
            "wasmBackend: the engine gives no WebAssembly memory. The default backend is cpu instead, which is slower.",
          ],
        ]
      `);
      expect(tensor([1]).add(1).itemSync()).toBe(2);
    } finally {
      WebAssembly.Memory = Memory;
      warn.mockRestore();
      setDefaultBackend(before);
    }
  });
});

describe('dispose', () => {
  it.each([cpuBackend(), wasmBackend({ threads: 1 })])(
    'ends a tensor and its views: %#',
    (backend) => {
      const before = setDefaultBackend(backend);
      try {
        for (const end of [(x: Tensor) => x.dispose(), (x: Tensor) => x[Symbol.dispose]()]) {
          const x = tensor([1, 2]).add(1);
          const view = x.reshape([2, 1]);
          end(x);
          end(x);
          expect(() => view.sum()).toThrow(StateError);
          expect(() => x.dataSync()).toThrow(/^data: the tensor was disposed/);
        }
      } finally {
        setDefaultBackend(before);
      }
    },
  );
});
