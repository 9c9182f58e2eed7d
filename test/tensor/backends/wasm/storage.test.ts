import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { setTimeout } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { cpuBackend, StateError, wasmBackend } from '@tessera/tensor';

const backend = wasmBackend({ threads: 1 });

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

describe('storage', () => {
  it.each([
    ['float32' as const, new Float32Array([1, -2.5, 3e-45])],
    ['int32' as const, new Int32Array([1, -2, 2 ** 31 - 1])],
    ['bool' as const, new Uint8Array([1, 0, 1])],
    ['float32' as const, new Float32Array(0)],
  ])('of %s gives back what was put in, as a copy', async (dtype, array) => {
    const storage = backend.store(array, dtype);
    expect([storage.dtype, storage.size, storage.backend]).toEqual([dtype, array.length, backend]);
    const copy = backend.readSync(storage);
    expect(copy).toStrictEqual(array);
    copy.fill(7);
    array.fill(9);
    expect(backend.readSync(storage)).not.toEqual(copy.length === 0 ? [0] : copy);
    expect(await backend.read(storage)).toStrictEqual(backend.readSync(storage));
  });

  it('keeps its elements when the memory grows', () => {
    const own = wasmBackend({ threads: 1 });
    const storage = own.store(new Float32Array([1, 2, 3]), 'float32');
    own.allocate('float32', 2 ** 20);
    expect([...own.readSync(storage)]).toEqual([1, 2, 3]);
  });

  it('refuses use after it was donated or disposed; its new handle works', () => {
    const storage = backend.store(new Float32Array([1, 2]), 'float32');
    const taken = backend.transfer(storage, 'step');
    expect(() => backend.readSync(storage)).toThrowErrorMatchingInlineSnapshot(
      `[StateError: data: the tensor was donated to a compiled function, which reused its memory. Use what that call returned instead, or leave the argument out of donate.]`,
    );
    expect(() => backend.transfer(storage, 'step')).toThrow(StateError);
    expect([...backend.readSync(taken)]).toEqual([1, 2]);
    backend.release(taken);
    backend.release(taken);
    expect(() => backend.readSync(taken)).toThrowErrorMatchingInlineSnapshot(
      `[StateError: data: the tensor was disposed. Read its values or compute with it before it is disposed.]`,
    );
  });

  it('refuses storage of other backends, wasm ones among them', async () => {
    const other = wasmBackend({ threads: 1 }).store(new Float32Array(1), 'float32');
    expect(() => backend.readSync(other)).toThrowErrorMatchingInlineSnapshot(
      `[StateError: data: the tensor is stored on another backend (wasm), not on this wasm backend. Read its values there and make a new tensor of them here.]`,
    );
    const stranger = cpuBackend().store(new Float32Array(1), 'float32');
    expect(() => {
      backend.release(stranger);
    }).toThrowErrorMatchingInlineSnapshot(
      `[StateError: dispose: the tensor is stored on another backend (cpu), not on this wasm backend. Read its values there and make a new tensor of them here.]`,
    );
    await expect(backend.read(stranger)).rejects.toThrow(StateError);
  });

  it('gives memory back when it is released, and only once', () => {
    const own = wasmBackend({ threads: 1 });
    const before = own.usedBytes();
    const storage = own.allocate('float32', 1000);
    expect(own.usedBytes()).toBe(before + 4096);
    own.release(storage);
    own.release(storage);
    expect(own.usedBytes()).toBe(before);
  });

  it('gives memory back when nobody can reach it any more', async () => {
    const own = wasmBackend({ threads: 1 });
    const before = own.usedBytes();
    const kept = own.store(new Float32Array([5]), 'float32');
    for (let i = 0; i < 100; i++) own.transfer(own.allocate('float32', 1000), 'test');
    expect(own.usedBytes()).toBeGreaterThan(before + 100 * 4000);
    for (let i = 0; i < 20 && own.usedBytes() > before + 128; i++) {
      collect();
      await setTimeout(5);
    }
    expect(own.usedBytes()).toBe(before + 128);
    expect([...own.readSync(kept)]).toEqual([5]);
  });
});
