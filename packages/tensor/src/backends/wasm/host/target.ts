// Finds out whether the engine has WebAssembly vectors and relaxed SIMD.

import type { V128 } from '../assembler/code.ts';
import { f32x4, i32x4 } from '../assembler/simd.ts';
import { ModuleBuilder } from '../assembler/module.ts';
import { allowRelaxedSimd } from './platform.ts';

let relaxed: boolean | undefined;

/** Whether the engine has relaxed SIMD. Some engines must first be allowed to use it. */
export function hasRelaxedSimd(): boolean {
  if (relaxed === undefined) {
    allowRelaxedSimd();
    relaxed = validates((one) => f32x4.relaxed_madd(one, one, one));
  }
  return relaxed;
}

/** Whether the engine has WebAssembly vectors at all. */
export function hasWasmSimd(): boolean {
  return typeof WebAssembly !== 'undefined' && validates((one) => f32x4.add(one, one));
}

/** Whether the engine accepts a module that computes this value. */
function validates(compute: (one: V128) => V128): boolean {
  const module = new ModuleBuilder({ shared: false, maximumPages: 1 });
  module.define({ parameters: [], result: 'i32' }, (f) => {
    f.return(i32x4.extract_lane(compute(f32x4.constant(1)), 0));
  });
  return WebAssembly.validate(module.encode());
}
