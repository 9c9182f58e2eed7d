// Calls that are one node of the graph, whatever they compute inside.

import { tree, type FlatTree, type Tensor } from '@tessera/tensor';
import {
  apply,
  currentInterpreter,
  expectSynchronous,
  primitives,
  withInterpreter,
  type Interpreter,
  type Operation,
  type Params,
} from '@tessera/tensor/extend';
import { Recorder } from './graph/graph.ts';
import type { VjpRule } from './vjp/rule.ts';

/** A function that is one node of the graph, whatever it computes inside. */
export interface Call<P extends readonly unknown[], R> {
  readonly name: string;
  readonly f: (...primals: P) => R;
  /** Makes the rule of the node; called once for each recording that contains the node. */
  readonly rule: (site: CallSite<P, R>) => VjpRule;
}

/**
 * One evaluation of a call in a recording. The node's inputs are the leaves of the arguments, then
 * `captured`.
 */
export interface CallSite<P extends readonly unknown[], R> {
  readonly args: FlatTree<P>;
  readonly value: FlatTree<R>;
  /** Tensors of the enclosing recordings that the function read although they are no arguments of it. */
  readonly captured: readonly Tensor[];
  /** For each input of the node, whether its cotangent will be needed. */
  readonly active: readonly boolean[];
}

/**
 * Evaluates a call outside of all enclosing recordings. Each recording in which an input carries a gradient
 * gets one node for the call. An enclosing compilation sees the operations inside as usual.
 *
 * The function gets new aliases as its arguments, and its results are new aliases too. If it reads any other
 * tensor of a recording, that tensor is therefore recognised by its identity.
 */
export function applyCall<P extends readonly unknown[], R>(call: Call<P, R>, primals: P): R {
  const recorders: Recorder[] = [];
  let outer = currentInterpreter();
  for (; outer instanceof Recorder; outer = outer.outer) recorders.push(outer);
  if (recorders.length === 0) return expectSynchronous(call.name, call.f(...primals));
  const inside = new Enclosure(call.name, outer, recorders);
  const aliases = withInterpreter(outer, () => tree.map(alias, primals));
  const result = withInterpreter(inside, () =>
    tree.map(alias, expectSynchronous(call.name, call.f(...aliases))),
  );
  const [args, value, captured] = [
    tree.flatten(primals),
    tree.flatten(result),
    [...inside.captured],
  ];
  const inputs = [...args.leaves, ...captured];
  for (const recorder of recorders) {
    const active = inputs.map((input) => recorder.dependents.has(input));
    if (!active.includes(true)) continue;
    const rule = call.rule({ args, value, captured, active });
    recorder.note({ name: call.name, inputs, outputs: value.leaves, params: {}, rule });
  }
  return result;
}

/** The interpreter outside of all recordings. */
export function outsideRecordings(): Interpreter {
  let interpreter = currentInterpreter();
  while (interpreter instanceof Recorder || interpreter instanceof Enclosure) {
    interpreter = interpreter.outer;
  }
  return interpreter;
}

/** The same elements under a new identity. */
export function alias(x: Tensor): Tensor {
  return apply(primitives.alias, [x], {})[0];
}

/**
 * The interpreter inside a call. It hands every operation to the interpreter outside of the recordings, and
 * collects the inputs that are tensors of these recordings.
 */
class Enclosure implements Interpreter {
  readonly name: string;
  readonly outer: Interpreter;
  readonly captured: Set<Tensor> = new Set();
  readonly #recorders: readonly Recorder[];

  constructor(name: string, outer: Interpreter, recorders: readonly Recorder[]) {
    this.name = name;
    this.outer = outer;
    this.#recorders = recorders;
  }

  apply(operation: Operation, inputs: readonly Tensor[], params: Params): readonly Tensor[] {
    for (const input of inputs) {
      if (this.#recorders.some(({ dependents }) => dependents.has(input))) this.captured.add(input);
    }
    return withInterpreter(this.outer, () => this.outer.apply(operation, inputs, params));
  }
}
