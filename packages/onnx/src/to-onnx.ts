// toOnnx: a function of tensors as an ONNX model, instruction by instruction of its program.

import { checkFunction, tree, ValueError } from '@tessera/tensor';
import {
  expectSynchronous,
  simplify,
  trace,
  type Program,
  type Variable,
} from '@tessera/tensor/extend';
import { CapturedTensors, type Captured } from './captured.ts';
import { Graph } from './graph/graph.ts';
import { encodeModel, type OnnxValue } from './graph/model.ts';
import { keptComposites, ruleOf } from './rules/table.ts';
import { withoutElements } from './rules/without-elements.ts';
import { argumentsOf, outputsOf, type Spec } from './signature.ts';

/** A model, and what it takes and gives. */
export interface OnnxModel {
  /** The content of an `.onnx` file. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** One for each tensor of the arguments, in their order. */
  readonly inputs: readonly OnnxValue[];
  /** One for each tensor of the result, in their order. */
  readonly outputs: readonly OnnxValue[];
  /** Number of nodes. */
  readonly nodes: number;
}

/** Most bytes of a model: protocol buffers end at 2 GiB. */
const MOST_BYTES = 2 ** 31 - 1;

/**
 * Writes a function of tensors as an ONNX model. The function is traced once, as `compile` does, for
 * arguments of the shapes and dtypes of `specs`. Everything that it computes is in the model: gradients,
 * optimizers and random numbers too. Tensors that it captures, such as the weights of a model, are constants.
 *
 * Names of inputs are paths in the arguments: of `f({ x, state })` they are `x`, `state.step`, …; of `f(x, y)`
 * they are `0` and `1`; a single tensor is `input`. Names of outputs are paths in the result, and a single tensor is
 * `output`. An output with the name of an input gets `.out` behind it. A captured tensor is called after its path in
 * the outermost module that uses it, such as `blocks.0.attn.qkv.weight`; one of no module is `c` and a number.
 *
 * @param f A pure function of trees of tensors, or what `compile` made of it.
 * @param specs One for each argument: a tree of tensors, or of `{ shape, dtype }` where a tensor stands. All other
 *   parts of the arguments are fixed in the model.
 * @returns The bytes of the model, for operator set 20, and its inputs and outputs.
 * @throws ValueError for an operation without a counterpart in ONNX, such as those of `@tessera/tensor/linalg`, and
 *   for a model of more than 2 GiB; StateError if `f` is asynchronous or reads the values of a tensor.
 * @example
 * const weight = tensor([[1, 2], [3, 4]]);
 * const model = await toOnnx((x: Tensor) => softmax(x.matmul(weight)), { shape: [1, 2], dtype: 'float32' });
 * model.inputs.map(({ name, shape }) => `${name} ${formatShape(shape)}`); // ['input [1, 2]']
 * model.nodes; // 3: MatMul, Softmax, and one that gives the result its name
 */
export async function toOnnx<A extends readonly unknown[]>(
  f: (...args: A) => unknown,
  ...specs: { readonly [K in keyof A]: A[K] | Spec<A[K]> }
): Promise<OnnxModel> {
  checkFunction('toOnnx', f);
  const { inputs, fill } = argumentsOf(specs);
  const tensors = new CapturedTensors();
  let outputs: readonly OnnxValue[] = [];
  const traced = trace(
    (leaves) => {
      const result = expectSynchronous('toOnnx', f(...(fill(leaves) as never)));
      outputs = outputsOf(result, inputs);
      return tree.leaves(result);
    },
    inputs,
    { composites: keptComposites, capture: tensors.capture },
  );
  const program = simplify(traced);
  const captured = await tensors.read(program.constants.map(({ storage }) => storage));
  const bytes = captured.reduce((sum, { elements }) => sum + elements.byteLength, 0);
  if (bytes > MOST_BYTES) {
    const problem = `the captured tensors have ${bytes} bytes, and a model can have ${MOST_BYTES}. Pass them as arguments.`;
    throw new ValueError('toOnnx', problem);
  }
  const graph = graphOf(program, captured, inputs, outputs);
  return {
    bytes: encodeModel(graph, f.name || 'function', inputs, outputs),
    inputs,
    outputs,
    nodes: graph.nodes.length,
  };
}

function graphOf(
  { inputs: variables, constants, instructions, outputs: results }: Program,
  captured: readonly Captured[],
  inputs: readonly OnnxValue[],
  outputs: readonly OnnxValue[],
): Graph {
  const graph = new Graph([...inputs, ...outputs].map(({ name }) => name));
  const names = new Map<Variable, string>();
  const nameOf = (variable: Variable): string => names.get(variable) as string;
  variables.forEach((variable, i) => names.set(variable, inputs[i].name));
  for (const [i, { variable }] of constants.entries()) {
    const { elements, path } = captured[i];
    names.set(variable, graph.constant(variable.dtype, variable.shape, elements, path));
  }
  for (const {
    operation,
    inputs: specs,
    params,
    outputs: [result],
    scope,
  } of instructions) {
    const rule = ruleOf(operation.name);
    if (rule === undefined) throw noCounterpart(operation.name);
    graph.scope = scope;
    const application = { inputs: specs.map(nameOf), specs, params, result };
    const name = withoutElements(graph, operation.name, application) ?? rule(graph, application);
    names.set(result, name);
  }
  graph.scope = undefined;
  results.forEach((variable, i) => {
    graph.rename(nameOf(variable), outputs[i].name);
  });
  return graph;
}

function noCounterpart(operation: string): ValueError {
  return new ValueError(
    'toOnnx',
    `${operation} has no counterpart in ONNX. Compute it outside of the model, and pass the result as an argument.`,
  );
}
