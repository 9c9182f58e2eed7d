// summary and measure: a model's modules with shapes, parameters and FLOPs.

import { defaultBackend, formatShape, tree, type Shape } from '@tessera/tensor';
import {
  apply,
  currentInterpreter,
  trace,
  withInterpreter,
  type Interpreter,
} from '@tessera/tensor/extend';
import { countParameters, expectModule, namedModules, type Module } from './module.ts';
import { wrapForward } from './observe.ts';
import { Apply } from './layers/sequential.ts';

/** The cost of one module, with everything inside it. */
export interface ModuleCost {
  /** Its path in the model: `blocks.0.attn`, or `''` for the model itself. */
  readonly path: string;
  /** The name of its class, or of the function of an {@link Apply}. */
  readonly type: string;
  /** Shapes of the tensors of its last output; none if its `forward` was not called. */
  readonly outputs: readonly Shape[];
  /** Number of trainable values. */
  readonly parameters: number;
  /** Floating point operations of all its calls, as traced, before `compile` simplifies. */
  readonly flops: number;
}

/** A module whose `forward` takes the arguments A. */
export type Forward<A extends readonly unknown[]> = Module & { forward(...inputs: A): unknown };

/**
 * The cost of a module and of every module inside it, in field order. Nothing is computed: `forward` is
 * traced on shapes only, so large models and inputs take no time.
 *
 * @param inputs The arguments of `forward`. Only dtypes and shapes matter, so `zeros` will do.
 * @throws StateError if `forward` reads the values of a tensor.
 * @example
 * const [whole] = measure(new Linear(4, 8, { key: key(0) }), zeros([2, 4]));
 * whole.flops; // 144: 2 · 2 · 4 · 8 for the product, 2 · 8 for the bias
 */
export function measure<A extends readonly unknown[]>(
  module: Forward<A>,
  ...inputs: A
): readonly ModuleCost[] {
  expectModule('measure', module);
  const costs = new Map<string, { flops: number; outputs: readonly Shape[] }>();
  const flat = tree.flatten([module, inputs] as const);
  const target = {
    composites: new Set<string>(),
    // A captured tensor is a constant of a program that never runs, so its elements are not needed.
    capture: ({ dtype }: { dtype: 'float32' | 'int32' | 'bool' }) =>
      defaultBackend().allocate(dtype, 0),
  };
  const run = (forward: Forward<A>, args: A): unknown => {
    const tracer = currentInterpreter();
    let flops = 0;
    const counter: Interpreter = {
      name: 'measure',
      apply: (operation, operands, params) => {
        flops += operation.flops(operands, params);
        return withInterpreter(tracer, () => apply(operation, operands, params));
      },
    };
    const counted = wrapForward(forward, (path, call) => {
      const before = flops;
      const output = call();
      const known = costs.get(path)?.flops ?? 0;
      const outputs = tree.leaves(output).map(({ shape }) => shape);
      costs.set(path, { flops: known + flops - before, outputs });
      return output;
    });
    return withInterpreter(counter, () => counted.forward(...args));
  };
  trace((leaves) => tree.leaves(run(...flat.unflatten(leaves))), flat.leaves, target);
  return namedModules(module).map(([path, part]) => ({
    path,
    type: part instanceof Apply ? part.name : part.constructor.name,
    parameters: countParameters(part),
    ...(costs.get(path) ?? { flops: 0, outputs: [] }),
  }));
}

/**
 * A table of a module and every module inside it: path, class, output shape, trainable values and floating
 * point operations. Each row includes everything inside its module; see {@link measure}.
 *
 * @param inputs The arguments of `forward`. Only dtypes and shapes matter, so `zeros` will do.
 * @throws StateError if `forward` reads the values of a tensor.
 * @example
 * console.log(summary(new Mlp(4, 8, { key: key(0) }), zeros([2, 4])));
 * // module  type    output  parameters  FLOPs
 * // (all)   Mlp     [2, 4]          76    456
 * // fc1     Linear  [2, 8]          40    144
 * // fc2     Linear  [2, 4]          36    136
 */
export function summary<A extends readonly unknown[]>(module: Forward<A>, ...inputs: A): string {
  const rows = measure(module, ...inputs).map(({ path, type, outputs, parameters, flops }) => [
    path === '' ? '(all)' : path,
    type,
    outputs.length === 0 ? '-' : outputs.map(formatShape).join(' '),
    grouped(parameters),
    grouped(flops),
  ]);
  const table = [['module', 'type', 'output', 'parameters', 'FLOPs'], ...rows];
  const widths = table[0].map((_, column) => Math.max(...table.map((row) => row[column].length)));
  return table
    .map((row) =>
      row
        .map((cell, i) => (i < 3 ? cell.padEnd(widths[i]) : cell.padStart(widths[i])))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** `1234567` as `1,234,567`. */
function grouped(count: number): string {
  return count.toLocaleString('en-US');
}
