// Writes fused expressions as kernel text, with int32 numbers as two floats.

import type { Expression, ExpressionNode } from '../../../plan/kernel.ts';
import type { DType } from '../../../array/dtype.ts';
import type { PointwiseParams } from '../../../primitives/pointwise.ts';
import { floatText, intHalves, type KernelWriter, type Value } from '../kernel/writer.ts';

type Apply = ExpressionNode & { readonly kind: 'apply' };

/** How a pointwise primitive is written, for operands that are floats (bools are 0 or 1). */
type Formula = (a: string, b: string, c: string) => string;

const isTrue = (condition: string): string => `${condition} ? 1 : 0`;

const floats: Readonly<Record<Exclude<keyof PointwiseParams, 'cast'>, Formula>> = {
  neg: (a) => `-${a}`,
  exp: (a) => `exponential(${a})`,
  log: (a) => `logarithm(${a})`,
  sqrt: (a) => `squareRoot(${a})`,
  sin: (a) => `sine(${a}, 0)`,
  cos: (a) => `sine(${a}, 1)`,
  tanh: (a) => `hyperbolicTangent(${a})`,
  sigmoid: (a) => `1 / (1 + exponential(-${a}))`,
  erf: (a) => `errorFunction(${a})`,
  floor: (a) => `Math.floor(${a})`,
  add: (a, b) => `${a} + ${b}`,
  sub: (a, b) => `${a} - ${b}`,
  mul: (a, b) => `${a} * ${b}`,
  div: (a, b) => `${a} / ${b}`,
  pow: (a, b) => `power(${a}, ${b})`,
  maximum: (a, b) => `larger(${a}, ${b})`,
  less: (a, b) => isTrue(`${a} < ${b}`),
  lessEqual: (a, b) => isTrue(`${a} <= ${b}`),
  equal: (a, b) => isTrue(`${a} === ${b}`),
  where: (condition, a, b) => `${condition} > 0.5 ? ${a} : ${b}`,
};

/** Values of nodes that are computed elsewhere, by index. */
export type KnownValues = ReadonlyMap<number, () => Value>;

/**
 * Writes what an expression's nodes are, and gives the value of each of `results`.
 *
 * @param writer The kernel.
 * @param expression The nodes.
 * @param results Indices of the nodes that are wanted.
 * @param load Writes what a load node reads, by the index of its input.
 * @param known Nodes that need not be computed.
 */
export function writeExpression(
  writer: KernelWriter,
  { nodes }: Expression,
  results: readonly number[],
  load: (input: number) => Value,
  known: KnownValues = new Map(),
): Value[] {
  const values = new Map<number, Value>();
  const valueOf = (index: number): Value => {
    let value = values.get(index);
    if (value === undefined) {
      value = known.get(index)?.() ?? compute(nodes[index]);
      values.set(index, value);
    }
    return value;
  };
  const compute = (node: ExpressionNode): Value => {
    if (node.kind === 'load') return load(node.input);
    if (node.kind === 'literal') return literalValue(writer, node.value, node.dtype);
    const operands = node.args.map(valueOf);
    const from = nodes[node.args[node.args.length - 1]].dtype;
    if (node.primitive.name === 'cast') return writeCast(writer, operands[0], from, node.dtype);
    if (from === 'int32') return writeInts(writer, node, operands);
    const [a, b = a, c = a] = operands.map(floatText);
    const formula = floats[node.primitive.name as keyof typeof floats];
    return { kind: 'float', text: writer.local(formula(a, b, c)) };
  };
  return results.map(valueOf);
}

/** A number of the program, in text that gpu.js takes for a float. */
export function literalValue(writer: KernelWriter, value: number, dtype: DType): Value {
  if (dtype === 'int32') {
    const whole = value | 0;
    return { kind: 'int', high: numberText(whole >> 16), low: numberText(whole & 0xffff) };
  }
  if (Number.isNaN(value)) return { kind: 'float', text: writer.local('notANumber(0)') };
  const rounded = Math.fround(value);
  if (Math.abs(rounded) === Infinity) {
    const sign = rounded < 0 ? '-' : '';
    return { kind: 'float', text: writer.local(`${sign}infinity(0)`) };
  }
  return { kind: 'float', text: numberText(rounded) };
}

function numberText(value: number): string {
  return value < 0 || Object.is(value, -0) ? `(-${-value})` : String(value);
}

function writeCast(writer: KernelWriter, value: Value, from: DType, to: DType): Value {
  if (from === to) return value;
  if (from === 'int32') {
    const { high, low } = intHalves(value);
    const text =
      to === 'bool' ? isTrue(`${high} !== 0 || ${low} !== 0`) : `${high} * 65536 + ${low}`;
    return { kind: 'float', text: writer.local(text) };
  }
  const text = floatText(value);
  if (to === 'int32') {
    if (from === 'bool') return { kind: 'int', high: '0', low: text };
    return {
      kind: 'int',
      high: writer.local(`highOfFloat(${text})`),
      low: writer.local(`lowOfFloat(${text})`),
    };
  }
  if (to === 'float32') return value;
  return { kind: 'float', text: writer.local(`${text} === 0 ? 0 : 1`) };
}

/** An operation whose last operand is an int32. */
function writeInts(writer: KernelWriter, node: Apply, operands: readonly Value[]): Value {
  const name = node.primitive.name as keyof PointwiseParams;
  if (name === 'where') {
    const condition = `${floatText(operands[0])} > 0.5`;
    return selectInt(writer, condition, operands[1], operands[2]);
  }
  if (name === 'neg')
    return subtractInts(writer, { kind: 'int', high: '0', low: '0' }, operands[0]);
  const [x, y] = operands;
  if (name === 'add') return addInts(writer, x, y);
  if (name === 'sub') return subtractInts(writer, x, y);
  if (name === 'mul') return multiplyInts(writer, x, y);
  if (name === 'maximum') return largerInt(writer, x, y);
  const [a, b] = [intHalves(x), intHalves(y)];
  const last = { less: '<', lessEqual: '<=', equal: '===' }[name as 'less'];
  const same = `${a.high} === ${b.high} && ${a.low} ${last} ${b.low}`;
  const condition = name === 'equal' ? same : `${a.high} < ${b.high} || (${same})`;
  return { kind: 'float', text: writer.local(isTrue(condition)) };
}

/** The sum modulo 2³². */
export function addInts(writer: KernelWriter, x: Value, y: Value): Value {
  const [a, b] = [intHalves(x), intHalves(y)];
  const sum = writer.local(`${a.low} + ${b.low}`);
  const carry = writer.local(isTrue(`${sum} >= 65536`));
  return {
    kind: 'int',
    high: writer.local(`wrapHigh(${a.high} + ${b.high} + ${carry})`),
    low: writer.local(`${sum} - ${carry} * 65536`),
  };
}

function subtractInts(writer: KernelWriter, x: Value, y: Value): Value {
  const [a, b] = [intHalves(x), intHalves(y)];
  const difference = writer.local(`${a.low} - ${b.low}`);
  const borrow = writer.local(isTrue(`${difference} < 0`));
  return {
    kind: 'int',
    high: writer.local(`wrapHigh(${a.high} - ${b.high} - ${borrow})`),
    low: writer.local(`${difference} + ${borrow} * 65536`),
  };
}

/** The product modulo 2³²: `(a·2¹⁶ + b)(c·2¹⁶ + d) = (ad + bc)·2¹⁶ + bd`. */
function multiplyInts(writer: KernelWriter, x: Value, y: Value): Value {
  const [a, b] = [intHalves(x), intHalves(y)];
  const unsigned = (high: string): string =>
    writer.local(`${high} < 0 ? ${high} + 65536 : ${high}`);
  const [p, q] = [unsigned(a.high), unsigned(b.high)];
  const cross = writer.local(`lowProduct(${p}, ${b.low}) + lowProduct(${q}, ${a.low})`);
  return {
    kind: 'int',
    high: writer.local(`wrapHigh(${cross} + highProduct(${a.low}, ${b.low}))`),
    low: writer.local(`lowProduct(${a.low}, ${b.low})`),
  };
}

/** The larger of two. */
export function largerInt(writer: KernelWriter, x: Value, y: Value): Value {
  const [a, b] = [intHalves(x), intHalves(y)];
  const condition = `${a.high} > ${b.high} || (${a.high} === ${b.high} && ${a.low} > ${b.low})`;
  return selectInt(writer, condition, x, y);
}

function selectInt(writer: KernelWriter, condition: string, x: Value, y: Value): Value {
  const [a, b] = [intHalves(x), intHalves(y)];
  const chosen = writer.local(isTrue(condition));
  return {
    kind: 'int',
    high: writer.local(`${chosen} > 0.5 ? ${a.high} : ${b.high}`),
    low: writer.local(`${chosen} > 0.5 ? ${a.low} : ${b.low}`),
  };
}
