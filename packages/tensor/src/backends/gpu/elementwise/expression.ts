// Writes fused expressions as kernel text, with an int32 as two floats.

import type { Expression, ExpressionNode } from '../../../plan/kernel.ts';
import type { DType } from '../../../array/dtype.ts';
import type { PointwiseParams } from '../../../primitives/pointwise.ts';
import { StateError } from '../../../errors.ts';
import { floatText, intHalves, type KernelWriter, type Value } from '../kernel/writer.ts';

type Apply = ExpressionNode & { readonly kind: 'apply' };

/** The text of a pointwise primitive. */
interface Formula {
  /** The formula for float operands; bools are 0 or 1. */
  readonly float: (a: string, b: string, c: string) => string;
  /** The formula if the last operand is an int32; missing if the primitive refuses int32. */
  readonly int?: IntFormula;
}

type IntFormula = (writer: KernelWriter, operands: readonly Value[]) => Value;

type Halves = ReturnType<typeof intHalves>;

const isTrue = (condition: string): string => `${condition} ? 1 : 0`;

const float = (formula: Formula['float']): Formula => ({ float: formula });

const compareInts =
  (condition: (a: Halves, b: Halves) => string): IntFormula =>
  (writer, [x, y]) => ({
    kind: 'float',
    text: writer.local(isTrue(condition(intHalves(x), intHalves(y)))),
  });

const orderInts = (last: '<' | '<='): IntFormula =>
  compareInts(
    (a, b) => `${a.high} < ${b.high} || (${a.high} === ${b.high} && ${a.low} ${last} ${b.low})`,
  );

/** The formula of every pointwise primitive; {@link writeCast} writes a cast. */
const formulas: Readonly<Record<Exclude<keyof PointwiseParams, 'cast'>, Formula>> = {
  neg: { float: (a) => `-${a}`, int: (writer, [x]) => subtractInts(writer, ZERO, x) },
  exp: float((a) => `exponential(${a})`),
  log: float((a) => `logarithm(${a})`),
  sqrt: float((a) => `squareRoot(${a})`),
  sin: float((a) => `sine(${a}, 0)`),
  cos: float((a) => `sine(${a}, 1)`),
  tanh: float((a) => `hyperbolicTangent(${a})`),
  sigmoid: float((a) => `1 / (1 + exponential(-${a}))`),
  erf: float((a) => `errorFunction(${a})`),
  floor: float((a) => `Math.floor(${a})`),
  round: float((a) => `roundHalfToEven(${a})`),
  add: { float: (a, b) => `${a} + ${b}`, int: (writer, [x, y]) => addInts(writer, x, y) },
  sub: { float: (a, b) => `${a} - ${b}`, int: (writer, [x, y]) => subtractInts(writer, x, y) },
  mul: { float: (a, b) => `${a} * ${b}`, int: (writer, [x, y]) => multiplyInts(writer, x, y) },
  div: float((a, b) => `${a} / ${b}`),
  pow: float((a, b) => `power(${a}, ${b})`),
  mod: {
    float: (a, b) => `flooredRemainder(${a}, ${b})`,
    int: (writer, [x, y]) => moduloOfInts(writer, x, y),
  },
  atan2: float((a, b) => `angle(${a}, ${b})`),
  maximum: {
    float: (a, b) => `larger(${a}, ${b})`,
    int: (writer, [x, y]) => largerInt(writer, x, y),
  },
  less: {
    float: (a, b) => isTrue(`${a} < ${b}`),
    int: orderInts('<'),
  },
  lessEqual: {
    float: (a, b) => isTrue(`${a} <= ${b}`),
    int: orderInts('<='),
  },
  equal: {
    float: (a, b) => isTrue(`${a} === ${b}`),
    int: compareInts((a, b) => `${a.high} === ${b.high} && ${a.low} === ${b.low}`),
  },
  where: {
    float: (condition, a, b) => `${condition} > 0.5 ? ${a} : ${b}`,
    int: (writer, [condition, x, y]) => selectInt(writer, `${floatText(condition)} > 0.5`, x, y),
  },
};

/** Values of nodes that are computed elsewhere, by node index. */
export type KnownValues = ReadonlyMap<number, () => Value>;

/**
 * Writes the nodes of an expression, and returns the value of each of `results`.
 *
 * @param writer Writes the kernel.
 * @param expression The nodes.
 * @param results Indices of the nodes to return.
 * @param load Writes the value of a load node, given the index of its input.
 * @param known Nodes that need no computation.
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
    const formula = formulas[node.primitive.name as keyof typeof formulas];
    if (from === 'int32') return writeInts(writer, node, formula, operands);
    const [a, b = a, c = a] = operands.map(floatText);
    return { kind: 'float', text: writer.local(formula.float(a, b, c)) };
  };
  return results.map(valueOf);
}

/** A number of the program, as text that gpu.js takes for a float. */
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

/** Writes an operation whose last operand is an int32. */
function writeInts(
  writer: KernelWriter,
  { primitive: { name } }: Apply,
  { int }: Formula,
  operands: readonly Value[],
): Value {
  if (int !== undefined) return int(writer, operands);
  throw new StateError('prepare', `the gpu backend has no formula for ${name} of int32.`);
}

const ZERO: Value = { kind: 'int', high: '0', low: '0' };

/** Writes the sum modulo 2³². */
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

/** Writes the product modulo 2³²: `(a·2¹⁶ + b)(c·2¹⁶ + d) = (ad + bc)·2¹⁶ + bd`. */
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

/** Writes the remainder, with the sign of the divisor; 0 if the divisor is 0. */
function moduloOfInts(writer: KernelWriter, x: Value, y: Value): Value {
  const [a, b] = [intHalves(x), intHalves(y)];
  const half = (which: 0 | 1): string =>
    writer.local(`flooredRemainderOfInts(${a.high}, ${a.low}, ${b.high}, ${b.low}, ${which})`);
  return { kind: 'int', high: half(1), low: half(0) };
}

/** Writes the larger of two numbers. */
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
