import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type {
  Expression,
  ExpressionNode,
  MapKernel,
} from '../../../../packages/tensor/src/plan/kernel.ts';
import { allocateArray, type TypedArray } from '../../../../packages/tensor/src/array/dtype.ts';
import { pointwise, scalarOf } from '../../../../packages/tensor/src/primitives/pointwise.ts';
import type { PointwisePrimitive } from '../../../../packages/tensor/src/primitives/primitive.ts';
import { sizeOf } from '../../../../packages/tensor/src/array/shape.ts';
import { contiguousView, type View } from '../../../../packages/tensor/src/array/view.ts';
import {
  elementsOf,
  extentOf,
  fill,
  indexOf,
  inputOf,
  loadOnly,
  operandOf,
  placeOf,
  runKernels,
  shapes,
  writableView,
  type Input,
} from './kernel-runs.ts';

/** Every node of an expression by its definition, rounded to its dtype; row-major. */
function evaluate(size: number, { nodes }: Expression, inputs: readonly Input[]): TypedArray[] {
  const values: TypedArray[] = [];
  for (const node of nodes) {
    const out = allocateArray(node.dtype, size);
    const loaded = node.kind === 'load' ? elementsOf(inputs[node.input]) : [];
    for (let i = 0; i < size; i++) {
      if (node.kind === 'load') out[i] = loaded[i];
      else if (node.kind === 'literal') out[i] = node.value;
      else
        out[i] = scalarOf(
          node.primitive,
          node.args.map((arg) => values[arg][i]),
          node.dtype,
        );
    }
    values.push(out);
  }
  return values;
}

/** A float32 node. */
function apply(name: keyof typeof pointwise, ...args: number[]): ExpressionNode {
  const primitive = pointwise[name] as PointwisePrimitive;
  return { kind: 'apply', primitive, params: {}, args, dtype: 'float32' };
}

function load(input: number): ExpressionNode {
  return { kind: 'load', input, dtype: 'float32' };
}

const floats = (elements: readonly number[]): Float32Array => new Float32Array(elements);

/** Loads of `inputs` operands and a literal, then any arithmetic on any of the nodes before. */
function expressions(inputs: number, outputs: number): fc.Arbitrary<Expression> {
  const leaves: ExpressionNode[] = [
    ...Array.from({ length: inputs }, (_, i) => load(i)),
    { kind: 'literal', value: 0.3, dtype: 'float32' },
  ];
  const name = fc.constantFrom('add', 'sub', 'mul', 'maximum', 'neg', 'exp', 'tanh', 'floor');
  const step = fc.tuple(name, fc.nat(), fc.nat());
  return fc
    .tuple(
      fc.array(step, { maxLength: 8 }),
      fc.array(fc.nat(), { minLength: outputs, maxLength: outputs }),
    )
    .map(([steps, results]) => {
      const nodes = [...leaves];
      for (const [op, a, b] of steps) {
        const args = [a % nodes.length, b % nodes.length];
        nodes.push(apply(op, ...args));
      }
      // The last node is mostly a result, as in a plan; sometimes nobody needs it.
      const last = nodes.length - 1;
      return {
        nodes,
        results: results.map((r, k) => (k === 0 && r % 4 > 0 ? last : r % nodes.length)),
      };
    });
}

describe('map', () => {
  it('gives what the definitions give one by one, bit for bit, from any views into any views', () => {
    const cases = shapes.chain((shape) =>
      fc.record({
        shape: fc.constant(shape),
        inputs: fc.tuple(inputOf(shape), inputOf(shape)),
        views: fc.tuple(writableView(shape), fc.constant(contiguousView(shape))),
        expression: expressions(2, 2),
      }),
    );
    fc.assert(
      fc.property(cases, ({ shape, inputs, views, expression }) => {
        const outputs = views.map((view): Input => ({
          view,
          elements: floats(new Array<number>(extentOf(view)).fill(7)),
        }));
        const kernel: MapKernel = {
          kind: 'map',
          shape,
          inputs: inputs.map((input, i) => operandOf(i, input)),
          expression,
          outputs: outputs.map((output, i) => operandOf(2 + i, output)),
        };
        const memory = runKernels(
          [kernel],
          [...inputs, ...outputs].map(({ elements }) => elements),
        );
        const values = evaluate(sizeOf(shape), expression, inputs);
        outputs.forEach(({ view, elements }, k) => {
          const expected = elements.slice();
          values[expression.results[k]].forEach((x, flat) => {
            expected[placeOf(view, indexOf(shape, flat))] = x;
          });
          expect(memory[2 + k]).toStrictEqual(expected);
        });
      }),
    );
  });

  it('crosses blocks: a transposed, a repeated and a constant operand of 3 × 1234 elements', () => {
    const shape = [3, 1234];
    const views: View[] = [
      { shape, strides: [1, 3], offset: 0 },
      { shape, strides: [0, -1], offset: 1233 },
      { shape, strides: [0, 0], offset: 2 },
      contiguousView(shape),
    ];
    const inputs = views.map((view, i): Input => ({
      view,
      elements: fill(new Float32Array(extentOf(view)), i),
    }));
    const nodes = [
      load(0),
      load(1),
      load(2),
      load(3),
      apply('mul', 0, 1),
      apply('add', 4, 2),
      apply('sub', 5, 3),
    ];
    const expression = { nodes, results: [6] };
    const kernel: MapKernel = {
      kind: 'map',
      shape,
      inputs: inputs.map((input, i) => operandOf(i, input)),
      expression,
      outputs: [{ buffer: 4, dtype: 'float32', view: contiguousView(shape) }],
    };
    const memory = runKernels(
      [kernel],
      [...inputs.map(({ elements }) => elements), new Float32Array(3 * 1234)],
    );
    expect(memory[4]).toStrictEqual(evaluate(3 * 1234, expression, inputs)[6]);
  });

  it('rounds every value to its dtype on the way', () => {
    const expression: Expression = {
      nodes: [
        load(0),
        { kind: 'literal', value: 16777216, dtype: 'float32' },
        apply('add', 0, 1),
        apply('sub', 2, 1),
        { ...apply('cast', 3), dtype: 'int32' },
        { ...apply('cast', 3), dtype: 'bool' },
      ],
      results: [3, 4, 5],
    };
    const view = contiguousView([2]);
    const kernel: MapKernel = {
      kind: 'map',
      shape: [2],
      inputs: [{ buffer: 0, dtype: 'float32', view }],
      expression,
      outputs: [
        { buffer: 1, dtype: 'float32', view },
        { buffer: 2, dtype: 'int32', view },
        { buffer: 3, dtype: 'bool', view },
      ],
    };
    const memory = runKernels(
      [kernel],
      [floats([1, 3]), floats([0, 0]), new Int32Array(2), new Uint8Array(2)],
    );
    // 2^24 + 1 and 2^24 + 3 are not float32: they round to 2^24 and 2^24 + 4.
    expect(memory.slice(1)).toStrictEqual([
      floats([0, 4]),
      new Int32Array([0, 4]),
      new Uint8Array([0, 1]),
    ]);
  });

  it('copies bools and int32 into a region of a buffer and leaves the rest', () => {
    const input = {
      view: { shape: [2, 2], strides: [-2, 1], offset: 2 },
      elements: new Int32Array([1, 2, 3, 4]),
    };
    const region = { shape: [2, 2], strides: [4, 2], offset: 1 };
    const kernel: MapKernel = {
      kind: 'map',
      shape: [2, 2],
      inputs: [operandOf(0, input)],
      expression: loadOnly('int32'),
      outputs: [{ buffer: 1, dtype: 'int32', view: region }],
    };
    const memory = runKernels([kernel], [input.elements, new Int32Array(8).fill(9)]);
    expect(memory[1]).toEqual(new Int32Array([9, 3, 9, 4, 9, 1, 9, 2]));
  });

  it('works in place: outputs over the inputs of the same contiguous view', () => {
    const cases = fc.record({
      size: fc.oneof(fc.integer({ min: 0, max: 9 }), fc.constant(1030)),
      expression: expressions(2, 2),
      seed: fc.integer(),
    });
    fc.assert(
      fc.property(cases, ({ size, expression, seed }) => {
        const view = contiguousView([size]);
        const inputs = [seed, seed + 1].map((s): Input => ({
          view,
          elements: fill(new Float32Array(size), s),
        }));
        const operands = inputs.map((input, i) => operandOf(i, input));
        const values = evaluate(size, expression, inputs);
        const [first, second] = expression.results.map((node) => values[node]);
        const run = (outputs: MapKernel['outputs']): TypedArray[] => {
          const kernel: MapKernel = {
            kind: 'map',
            shape: [size],
            inputs: operands,
            expression,
            outputs,
          };
          return runKernels(
            [kernel],
            inputs.map(({ elements }) => elements),
          );
        };
        expect(run(operands)).toStrictEqual([first, second]);
        expect(run(operands.toReversed())).toStrictEqual([second, first]);
      }),
    );
  });
});
