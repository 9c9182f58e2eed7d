/**
 * What every primitive means, one element at a time: the definition that backends are tested against.
 * A function is traced and each of its instructions evaluated in float64, on plain arrays, and rounded
 * to its dtype. Nothing is simplified, fused, planned, viewed or blocked.
 */
import { cpuBackend, type DType, type Shape, type Tensor } from '@tessera/tensor';
import {
  trace,
  type Conv2dGeometry,
  type Operation,
  type PrimitiveName,
  type PrimitiveParams,
  type TensorSpec,
  type Variable,
} from '@tessera/tensor/extend';
import type { Expected } from './comparison.ts';
import type { OpFunction } from './row.ts';

/** Elements in row-major order. */
interface Dense extends TensorSpec {
  readonly data: ArrayLike<number>;
}

/** The element of a result at an index. */
type Element = (index: readonly number[]) => number;

type Definition<N extends PrimitiveName> = (
  inputs: readonly Dense[],
  params: PrimitiveParams[N],
) => Element;

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
    const element = definitionOf(instruction.operation)(operands, instruction.params as never);
    values.set(
      output,
      indices(output.shape).map((index) => round(element(index), output.dtype)),
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

/** The element of x at an index; 0 outside. */
function at({ shape, data }: Dense, index: readonly number[]): number {
  const inside = index.every((i, axis) => Number.isInteger(i) && i >= 0 && i < shape[axis]);
  return inside ? data[index.reduce((flat, i, axis) => flat * shape[axis] + i, 0)] : 0;
}

function total(terms: readonly number[]): number {
  return terms.reduce((a, b) => a + b, 0);
}

/** The definition of an operation: pointwise ones and reductions declare theirs, the others are below. */
function definitionOf(operation: Operation): Definition<PrimitiveName> {
  if (operation.kind === 'pointwise') {
    return (inputs, params) => (index) =>
      operation.scalar(
        inputs.map((x) => at(x, index)),
        params,
      );
  }
  if (operation.kind === 'reduction') {
    return ([x], params) => {
      const { axes } = params as PrimitiveParams['sum'];
      const kept = x.shape.flatMap((_, axis) => (axes.includes(axis) ? [] : [axis]));
      const along = indices(axes.map((axis) => x.shape[axis]));
      return (index) =>
        along
          .map((folded) =>
            x.shape.map((_, axis) => folded[axes.indexOf(axis)] ?? index[kept.indexOf(axis)]),
          )
          .reduce((sum, from) => operation.combine(sum, at(x, from)), operation.initial(x.dtype));
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
  alias:
    ([x]) =>
    (index) =>
      at(x, index),
  barrier:
    ([x]) =>
    (index) =>
      at(x, index),
  reshape:
    ([x], { shape }) =>
    (index) =>
      x.data[index.reduce((flat, i, axis) => flat * shape[axis] + i, 0)],
  permute: ([x], { axes }) => (index) => at(x, axes.map((_, axis) => index[axes.indexOf(axis)])), // prettier-ignore
  expand: ([x], { shape }) => (index) =>
    at(x, x.shape.map((n, axis) => (n === 1 ? 0 : index[axis + shape.length - x.shape.length]))), // prettier-ignore
  slice:
    ([x], { starts, steps }) =>
    (index) =>
      at(
        x,
        index.map((i, axis) => starts[axis] + i * steps[axis]),
      ),
  pad:
    ([x], { before, interior }) =>
    (index) =>
      at(
        x,
        index.map((i, axis) => (i - before[axis]) / (interior[axis] + 1)),
      ),
  concat:
    (inputs, { axis }) =>
    (index) => {
      let position = index[axis];
      let which = 0;
      while (position >= inputs[which].shape[axis]) position -= inputs[which++].shape[axis];
      return at(inputs[which], index.with(axis, position));
    },

  matmul:
    ([a, b]) =>
    (index) => {
      const [batch, [m, n]] = [index.slice(0, -2), index.slice(-2)];
      const inner = indices(a.shape.slice(-1)).flat();
      return total(inner.map((k) => at(a, [...batch, m, k]) * at(b, [...batch, k, n])));
    },
  conv2d:
    ([x, w], geometry) =>
    ([b, o, ...window]) => {
      const group = Math.floor(o / (w.shape[0] / geometry.groups));
      const taps = indices(w.shape.slice(1));
      return total(
        taps.map(
          ([c, ...tap]) =>
            at(x, [b, group * w.shape[1] + c, ...read(geometry, window, tap)]) *
            at(w, [o, c, ...tap]),
        ),
      );
    },
  conv2dInput:
    ([y, w], geometry) =>
    ([b, c, ...place]) => {
      const [group, inGroup] = [Math.floor(c / w.shape[1]), c % w.shape[1]];
      const perGroup = w.shape[0] / geometry.groups;
      const { stride, padding, dilation } = geometry;
      return total(
        indices([perGroup, w.shape[2], w.shape[3]]).map(([o, ...tap]) => {
          // Where a window must lie for its tap to read the place; between windows there is nothing.
          const window = place.map(
            (i, axis) => (i + padding[axis] - tap[axis] * dilation[axis]) / stride[axis],
          );
          const output = group * perGroup + o;
          return at(y, [b, output, ...window]) * at(w, [output, inGroup, ...tap]);
        }),
      );
    },
  conv2dWeight:
    ([x, y], geometry) =>
    ([o, c, ...tap]) => {
      const group = Math.floor(o / (y.shape[1] / geometry.groups));
      const channel = group * (x.shape[1] / geometry.groups) + c;
      const windows = indices([x.shape[0], y.shape[2], y.shape[3]]);
      return total(
        windows.map(
          ([b, ...window]) =>
            at(x, [b, channel, ...read(geometry, window, tap)]) * at(y, [b, o, ...window]),
        ),
      );
    },

  gather:
    ([x, index], { axis }) =>
    (place) =>
      at(x, place.with(axis, at(index, place))),
  scatterAdd:
    ([index, source], { axis }) =>
    (place) => {
      const sources = indices(source.shape).filter((from) =>
        from.every((i, d) => (d === axis ? at(index, from) : i) === place[d]),
      );
      return total(sources.map((from) => at(source, from)));
    },

  literal:
    (_inputs, { value }) =>
    () =>
      value,
  iota:
    () =>
    ([i]) =>
      i,
  randomBits:
    ([key], { shape, width, start }) =>
    (index) => {
      const flat = index.reduce((position, i, axis) => position * shape[axis] + i, 0);
      const [x0, x1] = threefry([key.data[0], key.data[1]], [0, start + flat]);
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
