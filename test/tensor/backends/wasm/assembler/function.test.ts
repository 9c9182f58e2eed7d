import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { I32, V128 } from '../../../../../packages/tensor/src/backends/wasm/assembler/code.ts';
import {
  callResult,
  FunctionBuilder,
} from '../../../../../packages/tensor/src/backends/wasm/assembler/function.ts';
import {
  atomics,
  drop,
  i32,
  memory as bulk,
  select,
} from '../../../../../packages/tensor/src/backends/wasm/assembler/instructions.ts';
import { ModuleBuilder } from '../../../../../packages/tensor/src/backends/wasm/assembler/module.ts';
import {
  f32x4,
  i32x4,
  v128,
} from '../../../../../packages/tensor/src/backends/wasm/assembler/simd.ts';

type Numbers = (...args: number[]) => number;

/** A function of numbers, and the memory that it runs on. */
function compile(
  parameters: number,
  body: (f: FunctionBuilder, ...parameters: I32[]) => void,
  memory: WebAssembly.Memory = new WebAssembly.Memory({ initial: 1, maximum: 1 }),
): Numbers {
  const shared = memory.buffer instanceof SharedArrayBuffer;
  const module = new ModuleBuilder({ shared, maximumPages: 1 });
  const types = Array.from({ length: parameters }, () => 'i32' as const);
  const run = module.define({ parameters: types, result: 'i32' }, (f) => {
    body(f, ...types.map((type, i) => f.parameter(type, i)));
  });
  module.export('run', run);
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module.encode()), {
    env: { memory },
  });
  return exports['run'] as Numbers;
}

const few = fc.integer({ min: 0, max: 40 });

describe('a function', () => {
  it('counts with for, whatever the step', () => {
    const sum = compile(3, (f, from, to, step) => {
      const total = f.local('i32');
      f.for({ from, to, step }, (i) => {
        f.increase(total, i);
      });
      f.return(total);
    });
    fc.assert(
      fc.property(few, few, fc.integer({ min: 1, max: 7 }), (from, to, step) => {
        let expected = 0;
        for (let i = from; i < to; i += step) expected += i;
        expect(sum(from, to, step)).toBe(expected);
      }),
    );
  });

  it('repeats with while, and not at all if the condition does not hold', () => {
    const steps = compile(1, (f, start) => {
      const x = f.keep(start);
      const count = f.local('i32');
      f.while(
        () => i32.gt_u(x, i32.const(1)),
        () => {
          const odd = i32.add(i32.mul(x, i32.const(3)), i32.const(1));
          f.set(x, select(i32.and(x, i32.const(1)), odd, i32.shr_u(x, i32.const(1))));
          f.increase(count, 1);
        },
      );
      f.return(count);
    });
    expect([0, 1, 2, 6, 27].map((n) => steps(n))).toEqual([0, 0, 1, 8, 111]);
  });

  it('leaves blocks and repeats loops from any depth of ifs', () => {
    const find = compile(2, (f, divisor, limit) => {
      const i = f.keep(i32.const(1));
      f.block((out) => {
        f.loop((again) => {
          f.if(i32.lt_u(i, limit), () => {
            f.if(
              i32.eqz(i32.rem_u(i, divisor)),
              () => {
                f.branch(out);
              },
              () => {
                f.increase(i, 1);
                f.branch(again);
              },
            );
            f.unreachable();
          });
          f.set(i, i32.const(-1));
          f.branchIf(i32.eq(divisor, divisor), out);
          f.unreachable();
        });
      });
      f.return(i);
    });
    expect(find(7, 50)).toBe(7);
    expect(find(7, 5)).toBe(-1);
  });

  it('traps where it was said to', () => {
    const trap = compile(0, (f) => {
      f.unreachable();
    });
    expect(() => trap()).toThrow(WebAssembly.RuntimeError);
  });

  it('sets each constant vector once, at its start', () => {
    const build = (constants: number): Uint8Array => {
      const module = new ModuleBuilder({ shared: false, maximumPages: 1 });
      module.define({ parameters: [], result: null }, (f) => {
        f.for({ from: 0, to: 9 }, () => {
          for (let i = 0; i < 20; i++) {
            f.emit(v128.store(i32.const(0), f32x4.constant(i % constants)));
          }
        });
      });
      return module.encode();
    };
    // An instruction v128.const is a prefix, an opcode and sixteen bytes.
    const count = (bytes: Uint8Array): number =>
      bytes.reduce((n, byte, i) => n + Number(byte === 0xfd && bytes[i + 1] === 0x0c), 0);
    expect([1, 2, 5].map((constants) => count(build(constants)))).toEqual([1, 2, 5]);
  });

  it('fills and copies memory', () => {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 });
    const run = compile(
      0,
      (f) => {
        f.emit(bulk.fill(i32.const(8), i32.const(7), i32.const(4)));
        f.emit(bulk.copy(i32.const(10), i32.const(8), i32.const(4)));
        f.emit(i32.store8(i32.const(8), i32.const(300)));
        f.return(i32.load8_u(i32.const(8)));
      },
      memory,
    );
    expect(run()).toBe(44);
    expect([...new Uint8Array(memory.buffer, 7, 8)]).toEqual([0, 44, 7, 7, 7, 7, 7, 0]);
  });

  it('loads and stores lanes and parts of vectors at any address', () => {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 });
    const bytes = new Uint8Array(memory.buffer);
    bytes.set(
      Array.from({ length: 32 }, (_, i) => 200 + i),
      1,
    );
    const results: readonly ((at: I32) => ReturnType<typeof v128.load>)[] = [
      (at) => v128.load(at, 1),
      (at) => v128.load8x8_u(at, 1),
      (at) => v128.load32_splat(at, 1),
      (at) => v128.load64_splat(at, 1),
      (at) => v128.load32_zero(at, 1),
      (at) => v128.load64_zero(at, 1),
      (at) => v128.load8_lane(at, i32x4.const(0, 0, 0, 0), 15, 1),
      (at) => v128.load32_lane(at, i32x4.const(0, 0, 0, 0), 2, 1),
      (at) => v128.load64_lane(at, i32x4.const(0, 0, 0, 0), 1, 1),
    ];
    const run = compile(
      1,
      (f, at) => {
        results.forEach((load, i) => {
          f.emit(v128.store(at, load(at), 100 + 16 * i));
        });
        const last = v128.load(at, 1);
        f.emit(v128.store8_lane(at, last, 3, 300), v128.store32_lane(at, last, 1, 301));
        f.emit(v128.store64_lane(at, last, 1, 305));
        f.return(i32.const(0));
      },
      memory,
    );
    run(0);
    const source = [...bytes.subarray(1, 17)];
    const zeros = (n: number): number[] => Array.from({ length: n }, () => 0);
    const four = source.slice(0, 4);
    const eight = source.slice(0, 8);
    const expected = [
      source,
      eight.flatMap((byte) => [byte, 0]),
      [...four, ...four, ...four, ...four],
      [...eight, ...eight],
      [...four, ...zeros(12)],
      [...eight, ...zeros(8)],
      [...zeros(15), source[0]],
      [...zeros(8), ...four, ...zeros(4)],
      [...zeros(8), ...eight],
    ];
    expected.forEach((vector, i) => {
      expect([...bytes.subarray(100 + 16 * i, 116 + 16 * i)]).toEqual(vector);
    });
    expect([...bytes.subarray(300, 313)]).toEqual([
      source[3],
      ...source.slice(4, 8),
      ...source.slice(8),
    ]);
  });

  it('counts, exchanges and wakes with atomic instructions', () => {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
    const words = new Int32Array(memory.buffer);
    const at = i32.const(16);
    const run = (value: (f: FunctionBuilder) => I32): number =>
      compile(0, (f) => f.return(value(f)), memory)();
    expect(run(() => atomics.add(at, i32.const(5)))).toBe(0);
    expect(run(() => atomics.load(at))).toBe(5);
    expect(run(() => atomics.compareExchange(at, i32.const(4), i32.const(9)))).toBe(5);
    expect(words[4]).toBe(5);
    expect(run(() => atomics.compareExchange(at, i32.const(5), i32.const(9)))).toBe(5);
    expect(words[4]).toBe(9);
    run((f) => {
      f.emit(atomics.store(at, i32.const(-1)), drop(atomics.load(at)));
      return at;
    });
    expect(words[4]).toBe(-1);
    expect(run(() => atomics.notify(at, i32.const(-1)))).toBe(0);
  });
});

describe('a function that forgets', () => {
  /** Sums `1 + … + n` in a vector; the last vector that a turn kept comes second. */
  const compute = (forgets: boolean): Int32Array => {
    const module = new ModuleBuilder({ shared: false, maximumPages: 1 }, { forgets });
    const run = module.define({ parameters: ['i32'], result: null }, (f) => {
      const sum = f.local('v128');
      const last: V128[] = [];
      f.for({ from: 1, to: f.parameter('i32', 0) }, (i) => {
        last[0] = f.keep(i32x4.splat(i));
        f.for({ from: 0, to: 2 }, () => {
          const half = f.keep(last[0]);
          f.set(sum, i32x4.add(sum, half));
        });
      });
      f.emit(v128.store(i32.const(0), sum), v128.store(i32.const(16), last[0]));
    });
    module.export('run', run);
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 });
    const compiled = new WebAssembly.Module(module.encode());
    const { exports } = new WebAssembly.Instance(compiled, { env: { memory } });
    (exports['run'] as (n: number) => void)(11);
    return new Int32Array(memory.buffer, 0, 8);
  };

  it('sets what a turn kept to 0 at its end, and nothing else', () => {
    expect([...compute(false)]).toEqual([110, 110, 110, 110, 10, 10, 10, 10]);
    expect([...compute(true)]).toEqual([110, 110, 110, 110, 0, 0, 0, 0]);
  });
});

describe('a module', () => {
  it('calls its own functions and those from outside', () => {
    const module = new ModuleBuilder({ shared: false, maximumPages: 1 });
    const log = module.import('log', { parameters: ['i32'], result: null });
    const twice = module.import('twice', { parameters: ['i32'], result: 'i32' });
    const square = module.define({ parameters: ['i32'], result: 'i32' }, (f) => {
      const x = f.parameter('i32', 0);
      f.return(i32.mul(x, x));
    });
    const run = module.define({ parameters: ['i32'], result: 'i32' }, (f) => {
      const y = f.keep(callResult('i32', square, f.parameter('i32', 0)));
      f.call(log, y);
      f.return(callResult('i32', twice, y));
    });
    module.export('run', run);
    module.export('square', square);
    const heard: number[] = [];
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module.encode()), {
      env: {
        memory: new WebAssembly.Memory({ initial: 1, maximum: 1 }),
        log: (x: number) => heard.push(x),
        twice: (x: number) => 2 * x,
      },
    });
    expect((exports['run'] as Numbers)(3)).toBe(18);
    expect((exports['square'] as Numbers)(-4)).toBe(16);
    expect(heard).toEqual([9]);
  });

  it('refuses imports after definitions', () => {
    const module = new ModuleBuilder({ shared: false, maximumPages: 1 });
    module.define({ parameters: [], result: null }, () => undefined);
    expect(() =>
      module.import('late', { parameters: [], result: null }),
    ).toThrowErrorMatchingInlineSnapshot(`[Error: assembler: imports come before definitions.]`);
  });
});

describe('bad use', () => {
  const signature = { parameters: ['i32'], result: 'i32' } as const;
  const callee = { index: 0, signature };

  it('is refused when the code is written, not when it runs', () => {
    const f = new FunctionBuilder(signature);
    expect(() => f.parameter('f32', 0)).toThrowErrorMatchingInlineSnapshot(
      `[Error: assembler: parameter 0 is no f32.]`,
    );
    expect(() => f.parameter('i32', 1)).toThrowErrorMatchingInlineSnapshot(
      `[Error: assembler: parameter 1 is no i32.]`,
    );
    expect(() => {
      f.call(callee, i32.const(1));
    }).toThrowErrorMatchingInlineSnapshot(`[Error: assembler: a result is not used.]`);
    expect(() => callResult('f32', callee, i32.const(1))).toThrowErrorMatchingInlineSnapshot(
      `[Error: assembler: the result is no f32.]`,
    );
    expect(() => callResult('i32', callee)).toThrowErrorMatchingInlineSnapshot(
      `[Error: assembler: the arguments do not fit the parameters.]`,
    );
    expect(() => callResult('i32', callee, f32x4.constant(1))).toThrowErrorMatchingInlineSnapshot(
      `[Error: assembler: the arguments do not fit the parameters.]`,
    );
    f.block(() => {
      expect(() => f.encode()).toThrowErrorMatchingInlineSnapshot(
        `[Error: assembler: a block is still open.]`,
      );
    });
  });
});
