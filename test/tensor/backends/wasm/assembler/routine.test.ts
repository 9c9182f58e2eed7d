import fc from 'fast-check';
import { describe, expect, expectTypeOf, it } from 'vitest';
import type { Value } from '../../../../../packages/tensor/src/backends/wasm/assembler/code.ts';
import { FunctionBuilder } from '../../../../../packages/tensor/src/backends/wasm/assembler/function.ts';
import {
  f32,
  i32,
} from '../../../../../packages/tensor/src/backends/wasm/assembler/instructions.ts';
import {
  ModuleBuilder,
  PAGE_BYTES,
} from '../../../../../packages/tensor/src/backends/wasm/assembler/module.ts';
import type { Routine } from '../../../../../packages/tensor/src/backends/wasm/assembler/routine.ts';
import { Routines } from '../../../../../packages/tensor/src/backends/wasm/kernel/kernel-code.ts';

const STORE = { to: 'i32', value: 'f32' } as const;

/** A routine that stores a number at an address. */
function storeIn(routines: Routines): Routine<typeof STORE> {
  return routines.get('store', STORE, (f, { to, value }) => {
    f.emit(f32.store(to, value));
  });
}

const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 });

/** The function that `define` writes, compiled. */
function compile(
  define: (module: ModuleBuilder, routines: Routines) => { readonly index: number },
): (...args: number[]) => number {
  const module = new ModuleBuilder({ shared: false, maximumPages: 1 });
  const { index } = define(module, new Routines(module, { relaxed: false, wide: false }));
  module.export('run', { index, signature: { parameters: [], result: null } });
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module.encode()), {
    env: { memory },
  });
  return exports['run'] as (...args: number[]) => number;
}

describe('a routine', () => {
  it('takes its arguments by name, in whatever order they are written', () => {
    const run = compile((module, routines) => {
      const store = storeIn(routines);
      return module.define({ parameters: ['i32', 'f32'], result: null }, (f) => {
        const [to, value] = [f.parameter('i32', 0), f.parameter('f32', 1)];
        store.call(f, { to, value });
        store.call(f, { value, to: i32.add(to, i32.const(4)) });
      });
    });
    const address = fc.nat(PAGE_BYTES / 4 - 2).map((word) => 4 * word);
    fc.assert(
      fc.property(address, fc.float({ noNaN: true }), (to, value) => {
        run(to, value);
        expect([...new Float32Array(memory.buffer, to, 2)]).toEqual([value, value]);
      }),
    );
  });

  it('gives its result with the type that it was declared with', () => {
    const parameters = { minuend: 'i32', subtrahend: 'i32' } as const;
    const run = compile((module, routines) => {
      const difference = routines.getValue('difference', parameters, 'i32', (_f, values) =>
        i32.sub(values.minuend, values.subtrahend),
      );
      return module.define({ parameters: ['i32', 'i32'], result: 'i32' }, (f) => {
        const [minuend, subtrahend] = [0, 1].map((i) => f.parameter('i32', i));
        f.return(i32.add(difference.result({ subtrahend, minuend }), i32.const(1)));
      });
    });
    fc.assert(
      fc.property(fc.integer(), fc.integer(), (a, b) => {
        expect(run(a, b)).toBe((a - b + 1) | 0);
      }),
    );
  });

  it('is written once, however often it is asked for', () => {
    const module = new ModuleBuilder({ shared: false, maximumPages: 1 });
    const routines = new Routines(module, { relaxed: false, wide: false });
    storeIn(routines);
    const { bytes } = module;
    storeIn(routines);
    expect(module.bytes).toBe(bytes);
  });

  it('has arguments of exactly its names and types, which a call that does not fit is not', () => {
    const module = new ModuleBuilder({ shared: false, maximumPages: 1 });
    const store = storeIn(new Routines(module, { relaxed: false, wide: false }));
    const f = new FunctionBuilder({ parameters: [], result: null });
    const [to, value] = [i32.const(0), f32.const(1)];
    expectTypeOf(store.call).parameter(1).toEqualTypeOf<{
      readonly to: Value<'i32'>;
      readonly value: Value<'f32'>;
    }>();
    expect(() => {
      store.call(f, { to } as never);
    }).toThrow(TypeError);
    expect(() => {
      store.call(f, { to: value, value: to } as never);
    }).toThrow('do not fit');
  });
});
