// Compiles modules so that V8 packs pairs of vectors into 256 bits, and finds out whether it does.

import { f32x4, v128 } from '../assembler/simd.ts';
import { ModuleBuilder, PAGE_BYTES } from '../assembler/module.ts';
import { expectMemory } from '../../../errors.ts';
import { knowsFlags, withFlags } from './flags.ts';

/**
 * The flags during a compilation, and as they are elsewhere. The optimizing compiler compiles all functions at
 * once, because later it would not pack them. It inlines none: V8 14 would read how often each call ran, which
 * only the other compiler counts, and abort.
 */
const FLAGS = {
  during: [
    'experimental-wasm-revectorize',
    'no-wasm-inlining',
    'no-liftoff',
    'no-wasm-lazy-compilation',
  ],
  elsewhere: [
    'no-experimental-wasm-revectorize',
    'wasm-inlining',
    'liftoff',
    'wasm-lazy-compilation',
  ],
} as const;

/**
 * Compiles modules with packing, where the engine has it. The flags hold for the whole process: a module that
 * another thread compiles at this very moment is packed too. Afterwards the flags have V8's defaults.
 */
export function compileWide(
  modules: readonly Uint8Array<ArrayBuffer>[],
): readonly WebAssembly.Module[] {
  return withFlags(FLAGS, () => modules.map((bytes) => new WebAssembly.Module(bytes)));
}

let packs: boolean | undefined;

/**
 * Whether the engine packs pairs of vectors, found out without a clock where it knows the flags. Two
 * neighbours are computed as `a b + b` and `b + a b`. Both are NaN, and which NaN an addition gives depends on
 * the order of its operands. Packed, both neighbours have the order of the first.
 */
export function packsVectors(): boolean {
  packs ??= knowsFlags() && giveEqualNans();
  return packs;
}

function giveEqualNans(): boolean {
  const [A, B, RESULT] = [0, 32, 64];
  const module = new ModuleBuilder({ shared: false, maximumPages: 1 });
  const compute = module.define({ parameters: ['i32'], result: null }, (f) => {
    const at = f.parameter('i32', 0);
    const [a, b] = [A, B].map((place) => [0, 16].map((i) => f.keep(v128.load(at, place + i))));
    const low = f.keep(f32x4.add(f32x4.mul(a[0], b[0]), b[0]));
    const high = f.keep(f32x4.add(b[1], f32x4.mul(a[1], b[1])));
    f.emit(v128.store(at, low, RESULT), v128.store(at, high, RESULT + 16));
  });
  module.export('compute', compute);
  const memory = expectMemory('wasmBackend', PAGE_BYTES, () => {
    return new WebAssembly.Memory({ initial: 1, maximum: 1 });
  });
  const words = new Int32Array(memory.buffer);
  words.fill(0x7fc00001, A / 4, B / 4);
  words.fill(0x7fc00002, B / 4, RESULT / 4);
  const [compiled] = compileWide([module.encode()]);
  const { exports } = new WebAssembly.Instance(compiled, { env: { memory } });
  (exports['compute'] as (at: number) => void)(0);
  return words[RESULT / 4] === words[RESULT / 4 + 4];
}
