import { i32x4, f32x4 } from './assembler/simd.ts';
import { i32 } from './assembler/instructions.ts';
import { ModuleBuilder } from './assembler/module.ts';
import { allowRelaxedSimd } from './platform.ts';

let known: boolean | undefined;

/** Whether the engine has relaxed SIMD, which it may have to be allowed first. */
export function hasRelaxedSimd(): boolean {
  if (known !== undefined) return known;
  allowRelaxedSimd();
  const module = new ModuleBuilder({ shared: false, maximumPages: 1 });
  module.define({ parameters: [], result: 'i32' }, (f) => {
    const one = f32x4.constant(1);
    f.return(i32.add(i32x4.extract_lane(f32x4.relaxed_madd(one, one, one), 0), i32.const(0)));
  });
  known = WebAssembly.validate(module.encode());
  return known;
}
