// Every pointwise primitive on vectors of four elements, and fused expressions made of them.

import type { Expression, ExpressionNode } from '../../../plan/kernel.ts';
import type { DType } from '../../../array/dtype.ts';
import type { PointwiseParams } from '../../../primitives/pointwise.ts';
import type { V128 } from '../assembler/code.ts';
import type { FunctionBuilder } from '../assembler/function.ts';
import { f32x4, i32x4, v128 } from '../assembler/simd.ts';
import type { Routines } from '../kernel/kernel-code.ts';
import { mod, modOfInts } from './modulo.ts';
import { atan2 } from './transcendental/arctangent.ts';
import { erf } from './transcendental/erf.ts';
import { exp, sigmoid, tanh } from './transcendental/exponential.ts';
import { log } from './transcendental/logarithm.ts';
import { pow } from './transcendental/power.ts';
import { cos, sin } from './transcendental/trigonometric.ts';

/** An application of a pointwise primitive to vectors. */
interface Application {
  readonly args: readonly V128[];
  /** The dtype of the operands. Where they differ, it is that of the last. */
  readonly from: DType;
  /** The dtype of the result. */
  readonly to: DType;
  readonly f: FunctionBuilder;
  readonly routines: Routines;
}

type Rule = (application: Application) => V128;

/** One instruction for each dtype. Bools are masks: a true lane has all bits set. */
function byDType(
  float32: (...args: V128[]) => V128,
  int32: (...args: V128[]) => V128 = unsupported,
  bool: (...args: V128[]) => V128 = unsupported,
): Rule {
  const forms = { float32, int32, bool };
  return ({ args, from }) => forms[from](...args);
}

function unsupported(): V128 {
  throw new Error('wasm: a primitive got a dtype that its shape rule refuses.');
}

const ONE: Readonly<Record<DType, V128>> = {
  float32: f32x4.constant(1),
  int32: i32x4.const(1, 1, 1, 1),
  bool: i32x4.const(-1, -1, -1, -1),
};

const zero = i32x4.const(0, 0, 0, 0);

/** How each pointwise primitive computes vectors of four elements. */
const rules: Readonly<Record<keyof PointwiseParams, Rule>> = {
  neg: byDType(f32x4.neg, i32x4.neg),
  exp: ({ args: [x], f, routines }) => exp(x, f, routines),
  log: ({ args: [x], f, routines }) => log(x, f, routines),
  sqrt: byDType(f32x4.sqrt),
  sin: ({ args: [x], f, routines }) => sin(x, f, routines),
  cos: ({ args: [x], f, routines }) => cos(x, f, routines),
  tanh: ({ args: [x], f, routines }) => tanh(x, f, routines),
  sigmoid: ({ args: [x], f, routines }) => sigmoid(x, f, routines),
  erf: ({ args: [x], f, routines }) => erf(x, f, routines),
  floor: byDType(f32x4.floor),
  round: byDType(f32x4.nearest),
  add: byDType(f32x4.add, i32x4.add),
  sub: byDType(f32x4.sub, i32x4.sub),
  mul: byDType(f32x4.mul, i32x4.mul, v128.and),
  div: byDType(f32x4.div),
  pow: ({ args: [a, b], f }) => pow(a, b, f),
  mod: ({ args: [a, b], from, f, routines }) =>
    from === 'int32' ? modOfInts(a, b, f) : mod(a, b, f, routines),
  atan2: ({ args: [a, b], f, routines }) => atan2(a, b, f, routines),
  maximum: byDType(f32x4.max, i32x4.max_s, v128.or),
  less: byDType(f32x4.lt, i32x4.lt_s, (a, b) => v128.andnot(b, a)),
  lessEqual: byDType(f32x4.le, i32x4.le_s, (a, b) => v128.not(v128.andnot(a, b))),
  equal: byDType(f32x4.eq, i32x4.eq, (a, b) => v128.not(v128.xor(a, b))),
  where: ({ args: [condition, a, b] }) => v128.bitselect(a, b, condition),
  cast: ({ args: [x], from, to }) => cast(x, from, to),
};

/** Primitives whose code branches, calls a function, or has an instruction without a 256-bit form. */
const NOT_PACKED: ReadonlySet<string> = new Set<keyof PointwiseParams>([
  'log',
  'sin',
  'cos',
  'pow',
  'mod',
  'atan2',
  'floor',
  'round',
]);

/** Whether V8 packs the code of an expression for two neighbouring vectors into 256-bit instructions. */
export function packs({ nodes }: Expression): boolean {
  return nodes.every((node) => node.kind !== 'apply' || !NOT_PACKED.has(node.primitive.name));
}

function cast(x: V128, from: DType, to: DType): V128 {
  if (from === to) return x;
  if (to === 'bool') return from === 'float32' ? f32x4.ne(x, zero) : i32x4.ne(x, zero);
  if (from === 'bool') return v128.and(x, ONE[to]);
  return to === 'int32' ? i32x4.trunc_sat_f32x4_s(x) : f32x4.convert_i32x4_s(x);
}

/** A number in all four lanes. */
function splatOf(value: number, dtype: DType): V128 {
  if (dtype === 'float32') return f32x4.constant(value);
  const lane = dtype === 'bool' ? -Number(value !== 0) : value;
  return i32x4.const(lane, lane, lane, lane);
}

/**
 * Evaluates an expression on four elements at once.
 *
 * @param loads The elements of each input; bools as masks.
 * @returns The results in order. Each may be used any number of times.
 */
export function evaluate(
  { nodes, results }: Expression,
  loads: readonly V128[],
  f: FunctionBuilder,
  routines: Routines,
): readonly V128[] {
  const values: V128[] = [];
  for (const node of nodes) values.push(valueOf(node, values, nodes, loads, f, routines));
  return results.map((result) => values[result]);
}

function valueOf(
  node: ExpressionNode,
  values: readonly V128[],
  nodes: readonly ExpressionNode[],
  loads: readonly V128[],
  f: FunctionBuilder,
  routines: Routines,
): V128 {
  if (node.kind === 'load') return loads[node.input];
  if (node.kind === 'literal') return splatOf(node.value, node.dtype);
  const chosen = node.primitive.name === 'where' ? choose(node.args, values, nodes) : null;
  if (chosen !== null) return f.keep(chosen);
  const args = node.args.map((arg) => values[arg]);
  const from = nodes[node.args[node.args.length - 1]].dtype;
  const rule = rules[node.primitive.name as keyof PointwiseParams];
  return f.keep(rule({ args, from, to: node.dtype, f, routines }));
}

/** `where` as one instruction: a value or 0, the larger or the smaller of two; `null` for other choices. */
function choose(
  [condition, a, b]: readonly number[],
  values: readonly V128[],
  nodes: readonly ExpressionNode[],
): V128 | null {
  const isNumber = (i: number, value: number): boolean => {
    const node = nodes[i];
    return node.kind === 'literal' && Object.is(node.value, value);
  };
  if (isNumber(a, 0)) return v128.andnot(values[b], values[condition]);
  if (isNumber(b, 0)) return v128.and(values[a], values[condition]);
  const test = nodes[condition];
  if (test.kind !== 'apply' || test.primitive.name !== 'less' || nodes[a].dtype !== 'float32')
    return null;
  const isSame = (i: number, j: number): boolean => {
    const node = nodes[i];
    return i === j || (node.kind === 'literal' && isNumber(j, node.value));
  };
  const [low, high] = test.args;
  if (isSame(a, high) && isSame(b, low)) return f32x4.pmax(values[b], values[a]);
  if (isSame(a, low) && isSame(b, high)) return f32x4.pmin(values[b], values[a]);
  return null;
}
