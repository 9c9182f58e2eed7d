// Makes a program smaller: it folds constants and removes duplicates, neutral operands and dead code.

import { roundTo } from '../array/dtype.ts';
import { formatParams, type Declaration, type Params } from '../primitives/primitive.ts';
import { movement } from '../primitives/movement.ts';
import { scalarOf } from '../primitives/pointwise.ts';
import { literal } from '../primitives/source.ts';
import { sameShape } from '../array/shape.ts';
import { contiguousView, type View } from '../array/view.ts';
import type { Instruction, Program, Variable } from './program.ts';

/**
 * Rewrites a program into a smaller one of the same meaning:
 * - movements without effect (also aliases) and neutral operands (`x − 0`, `x · 1`) are removed;
 * - pointwise operations on constants are computed;
 * - equal instructions are merged, except separating movements, so that the work after them stays apart;
 * - instructions whose results are never read are removed.
 *
 * It knows no operation by name: everything it uses is a declared trait.
 *
 * @example
 * const traced = trace(([x]) => [x.mul(1).exp()], [{ shape: [3], dtype: 'float32' }]);
 * const { instructions } = simplify(traced);
 * instructions.map(({ operation }) => operation.name); // ['exp']
 */
export function simplify(program: Program): Program {
  return dropDead(rewrite(program));
}

function rewrite(program: Program): Program {
  const writer = new Writer(program);
  const renamed = new Map<Variable, Variable>();
  const rename = (variable: Variable): Variable => renamed.get(variable) ?? variable;
  for (const { operation, inputs, params, outputs, scope } of program.instructions) {
    writer.scope = scope;
    const operands = inputs.map(rename);
    const shortcut = writer.shortcut(operation, operands, params);
    const results = shortcut === null ? writer.write(operation, operands, params) : [shortcut];
    outputs.forEach((output, i) => renamed.set(output, results[i]));
  }
  return { ...program, instructions: writer.instructions, outputs: program.outputs.map(rename) };
}

/** Appends instructions; for an equal instruction it returns the earlier result. */
class Writer {
  readonly instructions: Instruction[] = [];
  /** Of the instruction that is being rewritten; what is merged keeps the scope of the first. */
  scope: Instruction['scope'];
  readonly #known = new Map<string, readonly Variable[]>();
  /** Variables that hold one number everywhere. */
  readonly #uniform = new Map<Variable, number>();
  #nextId: number;

  constructor(program: Program) {
    const defined = [
      ...program.inputs,
      ...program.constants.map(({ variable }) => variable),
      ...program.instructions.flatMap(({ outputs }) => outputs),
    ];
    this.#nextId = 1 + defined.reduce((last, { id }) => Math.max(last, id), -1);
  }

  write(operation: Declaration, inputs: readonly Variable[], params: Params): readonly Variable[] {
    const ids = inputs.map(({ id }) => id);
    if (operation.kind === 'pointwise' && operation.commutative) ids.sort((a, b) => a - b);
    const signature = `${operation.name}(${ids.join(', ')}) ${formatParams(params)}`;
    const known = separates(operation) ? undefined : this.#known.get(signature);
    if (known !== undefined) return known;
    const outputs = operation
      .infer(inputs, params)
      .map((spec) => ({ ...spec, id: this.#nextId++ }));
    this.instructions.push({ operation, inputs, params, outputs, scope: this.scope });
    this.#known.set(signature, outputs);
    if (operation.kind === 'literal')
      this.#uniform.set(outputs[0], roundTo(outputs[0].dtype, Number(params['value'])));
    const value = operation.kind === 'movement' ? this.#uniform.get(inputs[0]) : undefined;
    if (value !== undefined) this.#uniform.set(outputs[0], value);
    return outputs;
  }

  /** A variable that equals the result and exists or is simpler to compute; `null` if there is none. */
  shortcut(operation: Declaration, inputs: readonly Variable[], params: Params): Variable | null {
    if (separates(operation)) return null;
    if (operation.kind === 'movement') {
      const [{ shape, dtype }] = operation.infer(inputs, params);
      if (dtype !== inputs[0].dtype || !sameShape(shape, inputs[0].shape)) return null;
      const before = contiguousView(shape);
      return sameView(before, operation.view(before, params)) ? inputs[0] : null;
    }
    if (operation.kind !== 'pointwise') return null;
    const [{ shape, dtype }] = operation.infer(inputs, params);
    const values = inputs.map((input) => this.#uniform.get(input));
    if (values.every((value) => value !== undefined)) {
      const value = scalarOf(operation, values, dtype);
      const [scalar] = this.write(literal, [], { value, dtype });
      return shape.length === 0 ? scalar : this.write(movement.expand, [scalar], { shape })[0];
    }
    const { rightIdentity, commutative } = operation;
    if (rightIdentity === null || inputs.length !== 2) return null;
    if (Object.is(values[1], rightIdentity)) return inputs[0];
    return commutative && Object.is(values[0], rightIdentity) ? inputs[1] : null;
  }
}

function dropDead(program: Program): Program {
  const live = new Set(program.outputs);
  const kept: Instruction[] = [];
  for (const instruction of program.instructions.toReversed()) {
    if (!instruction.outputs.some((output) => live.has(output))) continue;
    kept.push(instruction);
    for (const input of instruction.inputs) live.add(input);
  }
  const constants = program.constants.filter(({ variable }) => live.has(variable));
  return { ...program, constants, instructions: kept.reverse() };
}

function separates(operation: Declaration): boolean {
  return operation.kind === 'movement' && operation.separates === true;
}

function sameView(a: View, b: View | null): boolean {
  if (b === null || a.offset !== b.offset || !sameShape(a.shape, b.shape)) return false;
  return a.strides.every((stride, i) => a.shape[i] <= 1 || stride === b.strides[i]);
}
