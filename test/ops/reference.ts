/**
 * What every primitive means, one element at a time: the definition that backends are tested against.
 * A function is traced and each of its instructions evaluated in float64, on plain arrays, and rounded
 * to its dtype. Nothing is simplified, fused, planned, viewed or blocked.
 */
import { cpuBackend, type DType, type Shape, type Tensor } from '@tessera/tensor';
import {
  scalarOf,
  trace,
  type Conv2dGeometry,
  type Declaration,
  type PrimitiveName,
  type PrimitiveParams,
  type TensorSpec,
  type Variable,
} from '@tessera/tensor/extend';
import type { Expected } from './differences.ts';
import type { OpFunction } from './row.ts';

/** Elements in row-major order. */
interface Dense extends TensorSpec {
  readonly data: ArrayLike<number>;
}

/** The element of a result at an index. */
type Definition<N extends PrimitiveName> = (
  index: readonly number[],
  inputs: readonly Dense[],
  params: PrimitiveParams[N],
) => number;

/** The results of `f` by the definitions. */
export function evaluate(f: OpFunction, inputs: readonly Tensor[]): Expected[] {
  const backend = cpuBackend();
  const program = trace((operands) => [f(...operands)].flat(), inputs, {
    composites: new Set(),
    capture: (tensor) => backend.store(tensor.dataSync().slice(), tensor.dtype),
  });
  const values = new Map<Variable, ArrayLike<number>>();
  program.inputs.forEach((variable, i) => values.set(variable, inputs[i].dataSync()));
  for (const { variable, storage } of program.constants) {
    values.set(variable, backend.readSync(storage));
  }
  const valueOf = (variable: Variable): ArrayLike<number> => {
    const value = values.get(variable);
    if (value === undefined) throw new Error('a variable is used before its definition');
    return value;
  };
  for (const instruction of program.instructions) {
    const operands = instruction.inputs.map((variable) => ({
      ...variable,
      data: valueOf(variable),
    }));
    const [output] = instruction.outputs; // every primitive has one
    const define = definitionOf(instruction.operation);
    values.set(
      output,
      indices(output.shape).map((index) =>
        round(define(index, operands, instruction.params as never), output.dtype),
      ),
    );
  }
  return program.outputs.map((variable) => ({
    shape: variable.shape,
    dtype: variable.dtype,
    dataSync: () => valueOf(variable),
  }));
}

function round(x: number, dtype: DType): number {
  if (dtype === 'float32') return Math.fround(x);
  return dtype === 'int32' ? Number(BigInt.asIntN(32, BigInt(x))) : x;
}

/** All indices of a shape, in row-major order. */
function indices(shape: Shape): number[][] {
  return shape.reduce<number[][]>(
    (outer, n) => outer.flatMap((index) => Array.from({ length: n }, (_, i) => [...index, i])),
    [[]],
  );
}

/** The position of an index in row-major order. */
function flatten(shape: Shape, index: readonly number[]): number {
  return index.reduce((flat, i, axis) => flat * shape[axis] + i, 0);
}

/** Whether x has an element at an index. */
function isInside({ shape }: Dense, index: readonly number[]): boolean {
  return index.every((i, axis) => Number.isInteger(i) && i >= 0 && i < shape[axis]);
}

/** The element of x at an index; 0 outside. */
function at(x: Dense, index: readonly number[]): number {
  return isInside(x, index) ? x.data[flatten(x.shape, index)] : 0;
}

function total(terms: readonly number[]): number {
  return terms.reduce((a, b) => a + b, 0);
}

/** The definition of an operation: pointwise ones and reductions declare theirs, the others are below. */
function definitionOf(operation: Declaration): Definition<PrimitiveName> {
  if (operation.kind === 'pointwise') {
    return (index, inputs, params) => {
      const [{ dtype }] = operation.infer(inputs, params);
      return scalarOf(operation, inputs.map((x) => at(x, index)), dtype); // prettier-ignore
    };
  }
  if (operation.kind === 'reduction') {
    return (index, [x], params) => {
      const { axes } = params as PrimitiveParams['sum'];
      const kept = x.shape.flatMap((_, axis) => (axes.includes(axis) ? [] : [axis]));
      return indices(axes.map((axis) => x.shape[axis])).reduce((folded, along) => {
        const place = x.shape.map((_, axis) => along[axes.indexOf(axis)] ?? index[kept.indexOf(axis)]); // prettier-ignore
        return operation.combine(folded, at(x, place));
      }, operation.initial(x.dtype));
    };
  }
  const definition = definitions[operation.name as PrimitiveName];
  if (definition === undefined) throw new Error(`no definition of ${operation.name}`);
  return definition as Definition<PrimitiveName>;
}

/** Where tap `[u, v]` of the window at `[i, j]` reads an image. */
function read(
  { stride, padding, dilation }: Conv2dGeometry,
  window: number[],
  tap: number[],
): number[] {
  return window.map((i, axis) => i * stride[axis] + tap[axis] * dilation[axis] - padding[axis]);
}

/** The definitions of what is neither pointwise nor a reduction. */
const definitions: { readonly [N in PrimitiveName]?: Definition<N> } = {
  alias: (index, [x]) => at(x, index),
  barrier: (index, [x]) => at(x, index),
  reshape: (index, [x], { shape }) => x.data[flatten(shape, index)],
  permute: (index, [x], { axes }) => {
    const place = axes.map((_, axis) => index[axes.indexOf(axis)]);
    return at(x, place);
  },
  expand: (index, [x], { shape }) => {
    const added = shape.length - x.shape.length;
    const place = x.shape.map((n, axis) => (n === 1 ? 0 : index[added + axis]));
    return at(x, place);
  },
  slice: (index, [x], { starts, steps }) => {
    const place = index.map((i, axis) => starts[axis] + i * steps[axis]);
    return at(x, place);
  },
  pad: (index, [x], { before, interior }) => {
    const place = index.map((i, axis) => (i - before[axis]) / (interior[axis] + 1));
    return at(x, place);
  },
  concat: (index, inputs, { axis }) => {
    let position = index[axis];
    let which = 0;
    while (position >= inputs[which].shape[axis]) position -= inputs[which++].shape[axis];
    return at(inputs[which], index.with(axis, position));
  },

  matmul: (index, [a, b]) => {
    const [batch, [m, n]] = [index.slice(0, -2), index.slice(-2)];
    const inner = indices(a.shape.slice(-1)).flat();
    return total(inner.map((k) => at(a, [...batch, m, k]) * at(b, [...batch, k, n])));
  },
  conv2d: ([b, o, ...window], [x, w], geometry) => {
    const [outputs, perGroup] = w.shape;
    const first = perGroup * Math.floor(o / (outputs / geometry.groups));
    const terms = indices(w.shape.slice(1)).map(([c, ...tap]) => {
      const place = read(geometry, window, tap);
      return at(x, [b, first + c, ...place]) * at(w, [o, c, ...tap]);
    });
    return total(terms);
  },
  conv2dInput: ([b, c, ...place], [y, w], { stride, padding, dilation, groups }) => {
    const [outputs, perGroup, ...kernel] = w.shape;
    const first = (outputs / groups) * Math.floor(c / perGroup);
    const terms = indices([outputs / groups, ...kernel]).map(([o, ...tap]) => {
      // Where a window must lie for its tap to read the place; between windows and outside is none.
      const window = place.map((i, d) => (i + padding[d] - tap[d] * dilation[d]) / stride[d]);
      const from = [b, first + o, ...window];
      return isInside(y, from) ? at(y, from) * at(w, [first + o, c % perGroup, ...tap]) : 0;
    });
    return total(terms);
  },
  conv2dWeight: ([o, c, ...tap], [x, y], geometry) => {
    const [batch, outputs, ...plane] = y.shape;
    const perGroup = x.shape[1] / geometry.groups;
    const channel = perGroup * Math.floor(o / (outputs / geometry.groups)) + c;
    const terms = indices([batch, ...plane]).map(([b, ...window]) => {
      const place = read(geometry, window, tap);
      return at(x, [b, channel, ...place]) * at(y, [b, o, ...window]);
    });
    return total(terms);
  },

  gather: (index, [x, indexed], { axis }) => at(x, index.with(axis, at(indexed, index))),
  scatterAdd: (index, [indexed, source], { axis }) => {
    const lands = (from: readonly number[]): boolean =>
      from.every((i, d) => (d === axis ? at(indexed, from) : i) === index[d]);
    const sources = indices(source.shape).filter(lands);
    return total(sources.map((from) => at(source, from)));
  },

  argsort: (index, [x], { descending }) => {
    const element = (i: number): number => at(x, index.with(index.length - 1, i));
    const comesBefore = (i: number, j: number): boolean => {
      const [a, b] = descending ? [element(j), element(i)] : [element(i), element(j)];
      if (a < b || (Number.isNaN(b) && !Number.isNaN(a))) return true;
      return (a === b || (Number.isNaN(a) && Number.isNaN(b))) && i < j;
    };
    const all = indices(x.shape.slice(-1)).flat();
    return all.findIndex((j) => all.filter((i) => comesBefore(i, j)).length === index.at(-1));
  },

  literal: (_index, _inputs, { value }) => value,
  iota: ([i]) => i,
  randomBits: (index, [key], { shape, width, start }) => {
    const counter = [0, start + flatten(shape, index)];
    const [x0, x1] = threefry([key.data[0], key.data[1]], counter);
    return width === 32 ? (x0 ^ x1) | 0 : (x0 ^ x1) >>> (32 - width);
  },
};

/** Threefry-2x32 with 20 rounds. Source: Salmon et al. 2011, "Parallel random numbers", section 3.3. */
function threefry(key: readonly number[], counter: readonly number[]): readonly number[] {
  const rotations = [13, 15, 26, 6, 17, 29, 16, 24];
  const keys = [...key, key[0] ^ key[1] ^ 0x1bd11bda];
  let [x0, x1] = [counter[0] + keys[0], counter[1] + keys[1]];
  for (let step = 0; step < 20; step++) {
    const by = rotations[step % 8];
    x0 = (x0 + x1) | 0;
    x1 = x0 ^ ((x1 << by) | (x1 >>> (32 - by)));
    if (step % 4 === 3) {
      const injection = (step + 1) / 4;
      x0 += keys[injection % 3];
      x1 += keys[(injection + 1) % 3] + injection;
    }
  }
  return [x0, x1];
}
