// Makes a primitive from plain code for one matrix, with its own kernels and gradient.

import type { KernelCode } from '../backends/wasm/kernel/kernel-code.ts';
import type { CallKernel } from '../plan/kernel.ts';
import type { TypedArray } from '../array/dtype.ts';
import { gatherElements } from '../array/elements.ts';
import { apply } from '../interpreter.ts';
import type { KernelPrimitive, NoParams, TensorSpec } from '../primitives/primitive.ts';
import type { Tensor } from '../tensor.ts';
import type { Matrix } from './matrix.ts';

/** The declaration of an operation on matrices: plain code for one matrix, and a gradient. */
export interface MatrixOperation {
  readonly name: string;
  infer(inputs: readonly TensorSpec[]): readonly TensorSpec[];
  flops(inputs: readonly TensorSpec[]): number;
  /**
   * The results for one matrix of each operand, in float64.
   *
   * @param position The index of the matrix in the batch, for errors.
   */
  compute(operands: readonly Matrix[], position: number): readonly ArrayLike<number>[];
  readonly gradient: Gradient;
}

/**
 * The vector-Jacobian product of an operation, for autograd: its formulas, and the same in tensor methods.
 */
export interface Gradient {
  readonly value: string;
  readonly cotangents: readonly (string | null)[];
  vjp(
    cotangents: readonly Tensor[],
    application: { readonly inputs: readonly Tensor[]; readonly outputs: readonly Tensor[] },
  ): readonly (() => Tensor)[];
}

/** A primitive that contains its own gradient. */
export interface DifferentiablePrimitive extends KernelPrimitive<NoParams> {
  readonly gradient: Gradient;
}

/** Makes the primitive of an operation on matrices. */
export function hostPrimitive(operation: MatrixOperation): DifferentiablePrimitive {
  const { name, gradient } = operation;
  const run = (kernel: CallKernel): ((buffers: readonly TypedArray[]) => void) =>
    hostKernel(kernel, operation);
  return {
    kind: 'kernel',
    name,
    gradient,
    refuses: true,
    infer: (inputs) => operation.infer(inputs),
    flops: (inputs) => operation.flops(inputs),
    kernels: {
      cpu: run,
      wasm: (kernel): KernelCode => ({
        phases: [
          { units: 1, unitCost: operation.flops(kernel.inputs.map(specOf)), host: run(kernel) },
        ],
      }),
    },
  };
}

function specOf({ dtype, view: { shape } }: CallKernel['inputs'][number]): TensorSpec {
  return { dtype, shape };
}

/** Applies a primitive with a single result. */
export function applyOne(primitive: DifferentiablePrimitive, ...inputs: Tensor[]): Tensor {
  return apply(primitive, inputs, {})[0];
}

/** Runs an operation on a batch, one matrix of each operand after the other. */
function hostKernel(
  { inputs, outputs }: CallKernel,
  operation: MatrixOperation,
): (buffers: readonly TypedArray[]) => void {
  const sizes = inputs.map(({ view: { shape } }) => shape.slice(-2));
  const batch = inputs[0].view.shape.slice(0, -2).reduce((count, n) => count * n, 1);
  return (buffers) => {
    const operands = inputs.map(({ buffer, dtype, view }) =>
      gatherElements(buffers[buffer], dtype, view),
    );
    for (let position = 0; position < batch; position++) {
      const matrices = operands.map((elements, i): Matrix => {
        const [rows, columns] = sizes[i];
        const start = position * rows * columns;
        return {
          rows,
          columns,
          elements: Float64Array.from(elements.subarray(start, start + rows * columns)),
        };
      });
      operation.compute(matrices, position).forEach((result, i) => {
        const { buffer, view } = outputs[i];
        buffers[buffer].set(result, view.offset + position * result.length);
      });
    }
  };
}
