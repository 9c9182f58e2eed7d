import type { V128 } from '../../../../packages/tensor/src/backends/wasm/assembler/code.ts';
import type { FunctionBuilder } from '../../../../packages/tensor/src/backends/wasm/assembler/function.ts';
import {
  ModuleBuilder,
  PAGE_BYTES,
} from '../../../../packages/tensor/src/backends/wasm/assembler/module.ts';
import { v128 } from '../../../../packages/tensor/src/backends/wasm/assembler/simd.ts';
import { Routines } from '../../../../packages/tensor/src/backends/wasm/kernel/kernel-code.ts';
import { erf } from '../../../../packages/tensor/src/backends/wasm/elementwise/transcendental/erf.ts';
import {
  exp,
  sigmoid,
  tanh,
} from '../../../../packages/tensor/src/backends/wasm/elementwise/transcendental/exponential.ts';
import { log } from '../../../../packages/tensor/src/backends/wasm/elementwise/transcendental/logarithm.ts';
import { pow } from '../../../../packages/tensor/src/backends/wasm/elementwise/transcendental/power.ts';
import {
  cos,
  sin,
} from '../../../../packages/tensor/src/backends/wasm/elementwise/transcendental/trigonometric.ts';

const unary = { exp, log, tanh, sigmoid, erf, sin, cos };

/** The functions of one operand by name. */
export type UnaryName = keyof typeof unary;

/** Names of `unary`, for the tables of tests. */
export const unaryNames = Object.keys(unary) as readonly UnaryName[];

/** Elements that one call works on. */
const CHUNK = 65536;
const BYTES = 4 * CHUNK;

type Chunk = (bytes: number) => void;

/** The vector functions, compiled, over arrays. */
export interface VectorFunctions {
  unary(name: UnaryName, xs: Float32Array): Float32Array;
  pow(a: Float32Array, b: Float32Array): Float32Array;
}

/** Compiles all functions, with relaxed SIMD or without. */
export function compileFunctions(relaxed: boolean): VectorFunctions {
  const pages = (3 * BYTES) / PAGE_BYTES;
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
  const module = new ModuleBuilder({ shared: false, maximumPages: pages });
  const routines = new Routines(module, { relaxed, wide: false });
  const define = (name: string, value: (a: V128, b: V128, f: FunctionBuilder) => V128): void => {
    const loop = module.define({ parameters: ['i32'], result: null }, (f) => {
      f.for({ from: 0, to: f.parameter('i32', 0), step: 16 }, (at) => {
        f.emit(v128.store(at, value(v128.load(at, BYTES), v128.load(at, 2 * BYTES), f)));
      });
    });
    module.export(name, loop);
  };
  for (const name of unaryNames) define(name, (a, _b, f) => unary[name](a, f, routines));
  define('pow', pow);
  const instance = new WebAssembly.Instance(new WebAssembly.Module(module.encode()), {
    env: { memory },
  });
  const [out, first, second] = [0, 1, 2].map(
    (i) => new Float32Array(memory.buffer, i * BYTES, CHUNK),
  );
  const run = (name: string, a: Float32Array, b: Float32Array): Float32Array => {
    const results = new Float32Array(a.length);
    for (let at = 0; at < a.length; at += CHUNK) {
      const part = a.subarray(at, at + CHUNK);
      first.set(part);
      second.set(b.subarray(at, at + CHUNK));
      (instance.exports[name] as Chunk)(4 * part.length);
      results.set(out.subarray(0, part.length), at);
    }
    return results;
  };
  return { unary: (name, xs) => run(name, xs, xs), pow: (a, b) => run('pow', a, b) };
}

/** Whether the engine has relaxed SIMD. */
export function hasRelaxed(): boolean {
  const module = new ModuleBuilder({ shared: false, maximumPages: 1 });
  module.define({ parameters: ['v128'], result: 'v128' }, (f) => {
    const x = f.parameter('v128', 0);
    f.return(exp(x, f, new Routines(module, { relaxed: true, wide: false })));
  });
  return WebAssembly.validate(module.encode());
}
