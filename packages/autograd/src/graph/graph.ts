// Records what a function does to its arguments, as the graph that the sweep walks back.

import { checkFunction, StateError, tree, type Tensor } from '@tessera/tensor';
import {
  apply,
  currentInterpreter,
  currentScope,
  primitives,
  withInterpreter,
  type DifferentiablePrimitive,
  type Interpreter,
  type Operation,
  type Params,
  type Scope,
} from '@tessera/tensor/extend';
import { namedLeaves } from '../leaves.ts';
import type { Application, VjpRule } from '../vjp/rule.ts';
import { vjpEntry } from '../vjp/table.ts';

/** One recorded application: what was applied to what, and the rule that pulls cotangents back. */
export interface Node extends Application {
  /** The name of the operation, or of the function that brings its own rule. */
  readonly name: string;
  readonly rule: VjpRule;
  /** The call of a module that applied it, `null` outside of all modules. */
  readonly scope: Scope | null;
}

/** What a function did to the tensors that its gradient is asked for. */
export interface Graph {
  /** The differentiated leaves of the arguments. */
  readonly leaves: readonly Tensor[];
  /** Where each leaf stands in the list of arguments: `0.blocks.0.attn.qkv.weight`. */
  readonly paths: readonly string[];
  /** The applications that a leaf reaches, in order. */
  readonly nodes: readonly Node[];
  /** The leaves, and the tensors that depend on a leaf. */
  readonly dependents: ReadonlySet<Tensor>;
}

/**
 * The interpreter that records. Every operation runs in the interpreter around the recorder. If that is
 * another recorder, higher derivatives arise. An operation is noted if it carries a gradient from a leaf to
 * its result.
 *
 * The recorder knows by identity which tensors depend on a leaf. A leaf is a fresh alias that the outer
 * interpreter makes. So two nested recordings of one tensor never take each other's dependents for their own
 * (no perturbation confusion).
 *
 * @example
 * const recorder = new Recorder(currentInterpreter());
 * const x = recorder.leaf(tensor([1, 2]));
 * const y = withInterpreter(recorder, () => x.sin().mul(2));
 * recorder.nodes.map(({ name }) => name); // ['sin', 'mul']
 */
export class Recorder implements Interpreter, Graph {
  readonly name = 'grad';
  readonly outer: Interpreter;
  readonly leaves: Tensor[] = [];
  readonly paths: string[] = [];
  readonly nodes: Node[] = [];
  readonly dependents: Set<Tensor> = new Set();

  constructor(outer: Interpreter) {
    this.outer = outer;
  }

  /** A fresh alias of `x`, found at `path`, that the recording takes as an independent variable. */
  leaf(x: Tensor, path?: string): Tensor {
    const [alias] = withInterpreter(this.outer, () => apply(primitives.alias, [x], {}));
    this.adopt(alias, path);
    return alias;
  }

  /** Takes `x` itself as an independent variable, for a recording that ends before `x` is used elsewhere. */
  adopt(x: Tensor, path?: string): void {
    this.paths.push(path ?? String(this.leaves.length));
    this.leaves.push(x);
    this.dependents.add(x);
  }

  /** Notes an application if its inputs carry a gradient to its outputs. */
  note(node: Omit<Node, 'scope'>): void {
    if (!node.inputs.some((input) => this.dependents.has(input))) return;
    const differentiable = node.outputs.filter(({ dtype }) => dtype === 'float32');
    for (const output of differentiable) this.dependents.add(output);
    if (differentiable.length > 0) this.nodes.push({ ...node, scope: currentScope() });
  }

  apply(operation: Operation, inputs: readonly Tensor[], params: Params): readonly Tensor[] {
    if (!inputs.some((input) => this.dependents.has(input))) {
      return this.#applyOutside(operation, inputs, params);
    }
    const entry = vjpEntry(operation.name) ?? entryOfExtension(operation);
    if (entry === 'decompose' && operation.kind === 'composite') {
      return withInterpreter(this, () => operation.decompose(inputs, params));
    }
    const outputs = this.#applyOutside(operation, inputs, params);
    if (typeof entry === 'object' && 'vjp' in entry) {
      this.note({ name: operation.name, operation, inputs, outputs, params, rule: entry });
    }
    return outputs;
  }

  #applyOutside(
    operation: Operation,
    inputs: readonly Tensor[],
    params: Params,
  ): readonly Tensor[] {
    return withInterpreter(this.outer, () => this.outer.apply(operation, inputs, params));
  }
}

/** A function's result beside the graph that led to it. */
export interface Recording<R> {
  readonly value: R;
  readonly graph: Graph;
  /** For each leaf of the arguments, in order: its alias in the graph, `null` where it is not trained. */
  readonly variables: readonly (Tensor | null)[];
}

/**
 * Runs `f` and records what its trainable arguments go through: float32 leaves outside of buffers.
 *
 * @param f A synchronous function of trees to a tree.
 * @param primals Its arguments.
 * @throws StateError if `f` is asynchronous or a generator.
 * @example
 * const { graph } = record((x) => x.sin().sum(), tensor([1, 2, 3]));
 * console.log(formatGraph(graph));
 */
export function record<P extends readonly unknown[], R>(
  f: (...primals: P) => R,
  ...primals: P
): Recording<R> {
  checkFunction('record', f);
  const recorder = new Recorder(currentInterpreter());
  const leaves = namedLeaves(primals);
  const variables = leaves.map(({ path, tensor, trainable }) =>
    trainable ? recorder.leaf(tensor, path) : null,
  );
  const inputs = leaves.map(({ tensor }, i) => variables[i] ?? tensor);
  const replaced = tree.flatten(primals).unflatten(inputs);
  const value = withInterpreter(recorder, () => f(...replaced));
  return { value, graph: recorder, variables };
}

/** The rule of an operation from an extension: a composite is decomposed, a primitive brings its rule. */
function entryOfExtension(operation: Operation): VjpRule | 'decompose' {
  if (operation.kind === 'composite') return 'decompose';
  if ('gradient' in operation) return (operation as DifferentiablePrimitive).gradient;
  throw new StateError(
    'grad',
    `no gradient rule for the primitive '${operation.name}'. Express it as a composite of known ones.`,
  );
}
