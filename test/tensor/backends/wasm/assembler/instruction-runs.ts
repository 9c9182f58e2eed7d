/** Runs single instructions on numbers: a module of one function each, over operands in memory. */
import type {
  Value,
  ValueType,
} from '../../../../../packages/tensor/src/backends/wasm/assembler/code.ts';
import type { FunctionBuilder } from '../../../../../packages/tensor/src/backends/wasm/assembler/function.ts';
import {
  f32,
  f64,
  i32,
  i64,
} from '../../../../../packages/tensor/src/backends/wasm/assembler/instructions.ts';
import { ModuleBuilder } from '../../../../../packages/tensor/src/backends/wasm/assembler/module.ts';
import { v128 } from '../../../../../packages/tensor/src/backends/wasm/assembler/simd.ts';

/** What lies in the sixteen bytes of an operand or a result: one number, or lanes of them. */
export type Kind =
  'i32' | 'i64' | 'f32' | 'f64' | 'u8x16' | 'u16x8' | 'i32x4' | 'i64x2' | 'f32x4' | 'f64x2';

/** A number of any kind: 64-bit integers are bigints. */
export type Scalar = number | bigint;

type Instruction = (...operands: Value<ValueType>[]) => Value<ValueType>;

/** Bytes of a lane, and how a view reads and writes it. */
interface Access {
  readonly bytes: number;
  read(view: DataView, at: number): Scalar;
  write(view: DataView, at: number, value: Scalar): void;
}

const accesses = {
  u8: access(
    1,
    (view, at) => view.getUint8(at),
    (view, at, x) => view.setUint8(at, Number(x)),
  ),
  u16: access(
    2,
    (view, at) => view.getUint16(at, true),
    (view, at, x) => view.setUint16(at, Number(x), true),
  ),
  i32: access(
    4,
    (view, at) => view.getInt32(at, true),
    (view, at, x) => view.setInt32(at, Number(x), true),
  ),
  i64: access(
    8,
    (view, at) => view.getBigInt64(at, true),
    (view, at, x) => view.setBigInt64(at, BigInt(x), true),
  ),
  f32: access(
    4,
    (view, at) => view.getFloat32(at, true),
    (view, at, x) => view.setFloat32(at, Number(x), true),
  ),
  f64: access(
    8,
    (view, at) => view.getFloat64(at, true),
    (view, at, x) => view.setFloat64(at, Number(x), true),
  ),
};

function access(bytes: number, read: Access['read'], write: Access['write']): Access {
  return { bytes, read, write };
}

function laneOf(kind: Kind): { readonly access: Access; readonly lanes: number } {
  const [name, lanes] = kind.split('x');
  return { access: accesses[name as keyof typeof accesses], lanes: Number(lanes ?? 1) };
}

/** How many numbers an operand of a kind holds. */
export function lanesOf(kind: Kind): number {
  return laneOf(kind).lanes;
}

function load(kind: Kind, at: number): Value<ValueType> {
  const address = i32.const(at);
  if (kind === 'i32') return i32.load(address);
  if (kind === 'i64') return i64.reinterpret_f64(f64.load(address));
  if (kind === 'f32') return f32.load(address);
  return kind === 'f64' ? f64.load(address) : v128.load(address);
}

function store(f: FunctionBuilder, value: Value<ValueType>): void {
  const address = i32.const(0);
  if (value.type === 'i32') f.emit(i32.store(address, value as Value<'i32'>));
  if (value.type === 'i64') f.emit(f64.store(address, f64.reinterpret_i64(value as Value<'i64'>)));
  if (value.type === 'f32') f.emit(f32.store(address, value as Value<'f32'>));
  if (value.type === 'f64') f.emit(f64.store(address, value as Value<'f64'>));
  if (value.type === 'v128') f.emit(v128.store(address, value as Value<'v128'>));
}

/** An instruction as a function from lists of lanes to the lanes of its result. */
export function compileInstruction(
  instruction: unknown,
  operands: readonly Kind[],
  result: Kind,
): (...lanes: readonly (readonly Scalar[])[]) => Scalar[] {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 });
  const module = new ModuleBuilder({ shared: false, maximumPages: 1 });
  const run = module.define({ parameters: [], result: null }, (f) => {
    store(f, (instruction as Instruction)(...operands.map((kind, i) => load(kind, 16 * (i + 1)))));
  });
  module.export('run', run);
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module.encode()), {
    env: { memory },
  });
  const view = new DataView(memory.buffer);
  return (...values) => {
    operands.forEach((kind, i) => {
      const lane = laneOf(kind).access;
      values[i].forEach((value, at) => {
        lane.write(view, 16 * (i + 1) + at * lane.bytes, value);
      });
    });
    (exports['run'] as () => void)();
    const { access: lane, lanes } = laneOf(result);
    return Array.from({ length: lanes }, (_, at) => lane.read(view, at * lane.bytes));
  };
}
