import { wasmBackend } from '@tessera/tensor';

/** Drops results of 8 GiB in all, twice what WebAssembly reaches, and awaits a value after each: the most MiB in use. */
export async function dropResults(): Promise<number> {
  const backend = wasmBackend({ threads: 1 });
  let peak = 0;
  for (let i = 0; i < 512; i++) {
    backend.allocate('float32', 2 ** 22);
    peak = Math.max(peak, backend.usedBytes() / 2 ** 20);
    await backend.read(backend.allocate('float32', 1));
  }
  return peak;
}
