// js-pytorch on its CPU, for the works whose operations it has.

import type { Arrays, NamedArray } from '../works/arrays.ts';
import type { OperationWork } from '../works/works.ts';
import { CannotError, importPeer, magnitude, type OpenContender, type Task } from './contender.ts';
import { peerVersions } from './versions.ts';

type Nested = number | readonly Nested[];

/** The sliver of the package that is used. */
interface JsTensor {
  readonly data: Nested;
  add(x: JsTensor): JsTensor;
  mul(x: JsTensor | number): JsTensor;
  matmul(x: JsTensor): JsTensor;
  transpose(a: number, b: number): JsTensor;
  sum(axis?: number): JsTensor;
  backward(cotangent: JsTensor): void;
  readonly grad: Nested;
  zero_grad(): void;
}

interface JsTorch {
  tensor(data: Nested, requiresGrad?: boolean): JsTensor;
  readonly nn: {
    readonly Softmax: new () => { forward(x: JsTensor, axis: number): JsTensor };
    readonly LayerNorm: new (width: number) => { forward(x: JsTensor): JsTensor };
  };
}

type Function = (...inputs: readonly JsTensor[]) => JsTensor;

/** Opens js-pytorch. */
export const openJsPytorch: OpenContender = async () => {
  const { torch } = (await importPeer('js-pytorch')) as { readonly torch: JsTorch };
  return {
    versions: peerVersions('js-pytorch'),
    prepare: (work, arrays) => {
      if (work.kind === 'operation') return operationTask(torch, work, arrays);
      throw new CannotError(
        'it has no slice, split or concat, and its Adam corrects no bias; a batch of 1 takes some 8 s a step',
      );
    },
  };
};

function functionOf(torch: JsTorch, work: OperationWork): Function {
  const softmax = new torch.nn.Softmax();
  const { operation, inputs } = work;
  switch (operation) {
    case 'matmul':
      return (a, b) => a.matmul(b);
    case 'matmulTransposed':
      return (a, b) => a.transpose(0, 1).matmul(b);
    case 'attention':
      return (q, k, v) => {
        const logits = q.matmul(k.transpose(2, 3)).mul(inputs.q[3] ** -0.5);
        return softmax.forward(logits, -1).matmul(v);
      };
    case 'layerNorm': {
      const norm = new torch.nn.LayerNorm(inputs.x[1]);
      return (x) => norm.forward(x);
    }
    case 'softmax':
      return (x) => softmax.forward(x, -1);
    case 'sum':
      return (x) => x.sum(0);
    case 'add':
      return (a, b) => a.add(b);
    case 'conv2d':
      throw new CannotError('it has no convolution');
    case 'gelu':
    case 'geluErf':
      throw new CannotError('it has no gelu, tanh or erf');
  }
}

function nested({ data, shape }: NamedArray, axis = 0, offset = 0): Nested {
  if (axis === shape.length) return data[offset];
  const stride = shape.slice(axis + 1).reduce((a, b) => a * b, 1);
  return Array.from({ length: shape[axis] }, (_, i) =>
    nested({ data, shape }, axis + 1, offset + i * stride),
  );
}

const flat = (x: Nested): number[] => (typeof x === 'number' ? [x] : x.flatMap(flat));

function operationTask(torch: JsTorch, work: OperationWork, arrays: Arrays): Task {
  const f = functionOf(torch, work);
  const { cotangent, ...rest } = arrays;
  const seed = work.gradient ? torch.tensor(nested(cotangent)) : null;
  const operands = Object.values(rest).map((x) => torch.tensor(nested(x), work.gradient));
  const compute = (): readonly Nested[] => {
    const value = f(...operands);
    if (seed === null) return [value.data];
    for (const operand of operands) operand.zero_grad();
    value.backward(seed);
    return [value.data, ...operands.map(({ grad }) => grad)];
  };
  return { run: compute, check: () => compute().map((x) => magnitude(flat(x))) };
}
