// Runs a function on tensors without values and writes down what it does as a program.

import type { Storage } from '../backends/backend.ts';
import type { Operation } from '../composites/composite.ts';
import { formatSpec, StateError } from '../errors.ts';
import { numberOf } from '../methods/read.ts';
import { withInterpreter, type Interpreter } from '../interpreter.ts';
import type { Params, TensorSpec } from '../primitives/primitive.ts';
import { literal } from '../primitives/source.ts';
import { movement } from '../primitives/movement.ts';
import { currentScope } from '../scope.ts';
import { Tensor } from '../tensor.ts';
import type { Constant, Instruction, Program, Variable } from './program.ts';

/** The facts about the backend that tracing needs. */
export interface TraceTarget {
  /** Composites that stay one instruction; others are traced as their definition. */
  readonly composites: ReadonlySet<string>;
  /** Returns row-major storage of a captured tensor's elements. */
  capture(tensor: Tensor): Storage;
}

/** For programs that are only read: composites are traced as their definition, and a capture throws. */
const WITHOUT_BACKEND: TraceTarget = {
  composites: new Set(),
  capture: (tensor) => {
    throw new StateError(
      'trace',
      `the function uses ${formatSpec(tensor)} from outside. Pass it as an input, or pass a target to capture for.`,
    );
  },
};

/**
 * Runs `f` once on tensors without values, and records every operation that it applies. Tensors that `f`
 * captures become constants of the program.
 *
 * @param specs Shape and dtype of each input.
 * @param target Default: composites are traced as their definition, and a captured tensor is an error.
 * @throws StateError if `f` is asynchronous, is a generator or reads the values of a tensor.
 *
 * @example
 * const program = trace(([x]) => [x.mul(2).exp()], [{ shape: [3], dtype: 'float32' }]);
 * program.instructions.map(({ operation }) => operation.name); // ['literal', 'expand', 'mul', 'exp']
 */
export function trace(
  f: (inputs: readonly Tensor[]) => readonly Tensor[],
  specs: readonly TensorSpec[],
  target: TraceTarget = WITHOUT_BACKEND,
): Program {
  const tracer = new Tracer(target);
  const inputs = specs.map((spec) => tracer.define(spec));
  const outputs = withInterpreter(tracer, () =>
    f(inputs.map((variable) => tracer.tensorOf(variable))),
  );
  return {
    inputs,
    outputs: outputs.map((output) => tracer.variableOf(output)),
    constants: tracer.constants,
    instructions: tracer.instructions,
  };
}

class Tracer implements Interpreter {
  readonly name = 'compile';
  readonly instructions: Instruction[] = [];
  readonly constants: Constant[] = [];
  readonly #target: TraceTarget;
  readonly #variables: Variable[] = [];
  readonly #captured = new Map<Tensor, Variable>();

  constructor(target: TraceTarget) {
    this.#target = target;
  }

  apply(operation: Operation, inputs: readonly Tensor[], params: Params): readonly Tensor[] {
    if (operation.kind === 'composite' && !this.#target.composites.has(operation.name)) {
      return operation.decompose(inputs, params);
    }
    return this.#append(
      operation,
      inputs.map((input) => this.variableOf(input)),
      params,
    ).map((variable) => this.tensorOf(variable));
  }

  define({ shape, dtype }: TensorSpec): Variable {
    const variable = { id: this.#variables.length, shape, dtype };
    this.#variables.push(variable);
    return variable;
  }

  tensorOf(variable: Variable): Tensor {
    return new Tensor(variable, { kind: 'traced', tracer: this, variable: variable.id });
  }

  variableOf(tensor: Tensor): Variable {
    const { value } = tensor;
    if (value.kind === 'uniform') {
      const [scalar] = this.#append(literal, [], {
        value: numberOf(this.name, value),
        dtype: tensor.dtype,
      });
      return tensor.rank === 0
        ? scalar
        : this.#append(movement.expand, [scalar], { shape: tensor.shape })[0];
    }
    if (value.kind === 'stored') return this.#capture(tensor);
    if (value.tracer === this) return this.#variables[value.variable];
    throw new StateError(
      'compile',
      `${formatSpec(tensor)} belongs to another compiled function that has ended. Return it from that function.`,
    );
  }

  #append(operation: Operation, inputs: readonly Variable[], params: Params): readonly Variable[] {
    const outputs = operation.infer(inputs, params).map((spec) => this.define(spec));
    const scope = currentScope()?.path;
    this.instructions.push({ operation, inputs, params, outputs, scope });
    return outputs;
  }

  #capture(tensor: Tensor): Variable {
    const known = this.#captured.get(tensor);
    if (known !== undefined) return known;
    const variable = this.define(tensor);
    this.#captured.set(tensor, variable);
    this.constants.push({ variable, storage: this.#target.capture(tensor) });
    return variable;
  }
}
