// A program: the straight list of operations that a traced function applies, and its printout.

import type { Storage } from '../backends/backend.ts';
import { formatSpec, StateError } from '../errors.ts';
import {
  formatParams,
  type Declaration,
  type Params,
  type TensorSpec,
} from '../primitives/primitive.ts';
import { sameShape } from '../array/shape.ts';

/** A value of a program; its identity is the object itself. */
export interface Variable extends TensorSpec {
  readonly id: number;
}

/** A tensor that the traced function captured from outside. */
export interface Constant {
  readonly variable: Variable;
  /** Row-major and contiguous, of exactly the variable's size. */
  readonly storage: Storage;
}

/** One application of an operation. */
export interface Instruction {
  readonly operation: Declaration;
  readonly inputs: readonly Variable[];
  readonly params: Params;
  readonly outputs: readonly Variable[];
  /** The path of the module call that it was traced in, for printing alone: `DiT/blocks.0/attn`. */
  readonly scope?: string | undefined;
}

/** A straight-line function over tensors, on which the passes of `compile` work. */
export interface Program {
  readonly inputs: readonly Variable[];
  readonly constants: readonly Constant[];
  readonly instructions: readonly Instruction[];
  readonly outputs: readonly Variable[];
}

/**
 * Checks that every variable is defined before it is used and that every shape follows its rule.
 *
 * @example
 * const x = { id: 0, shape: [3], dtype: 'float32' } as const;
 * const y = { id: 1, shape: [3], dtype: 'float32' } as const;
 * checkProgram({ inputs: [x], constants: [], instructions: [], outputs: [y] }); // throws StateError
 */
export function checkProgram(program: Program): void {
  const defined = new Set<Variable>([
    ...program.inputs,
    ...program.constants.map(({ variable }) => variable),
  ]);
  for (const { operation, inputs, params, outputs } of program.instructions) {
    if (!inputs.every((input) => defined.has(input))) {
      throw new StateError('program', `${operation.name} uses a variable before its definition.`);
    }
    const expected = operation.infer(inputs, params);
    const agrees =
      expected.length === outputs.length &&
      expected.every(
        ({ shape, dtype }, i) => sameShape(shape, outputs[i].shape) && dtype === outputs[i].dtype,
      );
    if (!agrees)
      throw new StateError(
        'program',
        `${operation.name} has other output shapes than its rule gives.`,
      );
    for (const output of outputs) {
      if (defined.has(output))
        throw new StateError('program', `${operation.name} defines a variable twice.`);
      defined.add(output);
    }
  }
  if (!program.outputs.every((output) => defined.has(output))) {
    throw new StateError('program', 'an output is never defined.');
  }
}

/**
 * Counts the floating point operations of one run.
 *
 * @example
 * const x = { id: 0, shape: [2, 3], dtype: 'float32' } as const;
 * const w = { id: 1, shape: [3, 4], dtype: 'float32' } as const;
 * const y = { id: 2, shape: [2, 4], dtype: 'float32' } as const;
 * const product = { operation: primitives.matmul, inputs: [x, w], params: {}, outputs: [y] };
 * programFlops({ inputs: [x, w], constants: [], instructions: [product], outputs: [y] }); // 48: 2 · 2 · 3 · 4
 */
export function programFlops(program: Program): number {
  return program.instructions.reduce(
    (sum, { operation, inputs, params }) => sum + operation.flops(inputs, params),
    0,
  );
}

/**
 * Prints a program, one instruction per line, with the shape of every value. After a `#` comes the module that
 * an instruction comes from, if there is one.
 *
 * @example
 * const x = { id: 0, shape: [3], dtype: 'float32' } as const;
 * const y = { id: 1, shape: [3], dtype: 'float32' } as const;
 * const exp = { operation: primitives.exp, inputs: [x], params: {}, outputs: [y] };
 * const text = formatProgram({ inputs: [x], constants: [], instructions: [exp], outputs: [y] });
 * console.log(text.split('\n')[1]); // '  v0: float32[3] = exp(in0)'
 */
export function formatProgram(program: Program): string {
  const names = new Map<Variable, string>();
  program.inputs.forEach((variable, i) => names.set(variable, `in${i}`));
  program.constants.forEach(({ variable }, i) => names.set(variable, `const${i}`));
  for (const { outputs } of program.instructions) {
    for (const output of outputs)
      names.set(output, `v${names.size - program.inputs.length - program.constants.length}`);
  }
  const declare = (variable: Variable): string => `${names.get(variable)}: ${formatSpec(variable)}`;
  const lines = program.instructions.map(({ operation, inputs, params, outputs, scope }) => {
    const args = inputs.map((input) => names.get(input)).join(', ');
    const line =
      `  ${outputs.map(declare).join(', ')} = ${operation.name}(${args}) ${formatParams(params)}`.trimEnd();
    return scope === undefined ? line : `${line}  # ${scope}`;
  });
  const constants = program.constants.map(({ variable }) => `  ${declare(variable)}`);
  return [
    `program(${program.inputs.map(declare).join(', ')})`,
    ...constants,
    ...lines,
    `  return ${program.outputs.map((output) => names.get(output)).join(', ')}`,
  ].join('\n');
}
