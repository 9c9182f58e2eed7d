/**
 * For every operation with a gradient: random functions around it and points to check them at. The
 * type makes a missing operation a compile error, as in the table of rules itself.
 */
import {
  broadcastable,
  floats,
  shapes,
  spacedFloats,
  views,
  type View,
} from '@tessera/autograd/testing';
import {
  attention,
  concat,
  gather,
  layerNorm,
  logSoftmax,
  logSumExp,
  scatterAdd,
  softmax,
  where,
} from '@tessera/tensor';
import {
  apply,
  composites,
  primitives,
  type CompositeName,
  type PrimitiveName,
} from '@tessera/tensor/extend';
import fc from 'fast-check';
import {
  alongAxis,
  binary,
  convolutions,
  heads,
  indexed,
  reduction,
  rows,
  unary,
  type Case,
} from './generators.ts';

/** Operations through which no gradient passes. */
export type WithoutGradient =
  'floor' | 'less' | 'lessEqual' | 'equal' | 'iota' | 'randomBits' | 'literal';

/** The cases by operation. */
export const cases: {
  readonly [N in Exclude<PrimitiveName | CompositeName, WithoutGradient>]: fc.Arbitrary<Case>;
} = {
  neg: unary((x) => x.neg()),
  exp: unary((x) => x.exp()),
  log: unary((x) => x.log(), 0.5),
  sqrt: unary((x) => x.sqrt(), 0.5),
  sin: unary((x) => x.sin()),
  cos: unary((x) => x.cos()),
  tanh: unary((x) => x.tanh()),
  sigmoid: unary((x) => x.sigmoid()),
  erf: unary((x) => x.erf()),
  add: binary((a, b) => a.add(b)),
  sub: binary((a, b) => a.sub(b)),
  mul: binary((a, b) => a.mul(b)),
  div: binary((a, b) => a.div(b), 0.5),
  pow: binary((a, b) => a.pow(b), 0.5),
  maximum: shapes({ minRank: 1 }).chain((shape) =>
    spacedFloats([2, ...shape]).map((x) => ({
      f: (both) => both.select(0, 0).maximum(both.select(0, 1)),
      inputs: [x],
    })),
  ),
  where: fc
    .tuple(shapes(), views)
    .chain(([shape, view]) =>
      fc.tuple(floats(shape), floats(shape), floats(shape), fc.constant(view)),
    )
    .map(([mask, a, b, view]) => ({
      f: (p, q) => where(view(mask.less(0)), view(p), view(q)),
      inputs: [a, b],
    })),
  cast: unary((x) => apply(primitives.cast, [x], { dtype: 'float32' })[0].square()),

  alias: unary((x) => apply(primitives.alias, [x], {})[0].square()),
  barrier: unary((x) => apply(primitives.barrier, [x], {})[0].square()),
  reshape: unary((x) => x.reshape([-1, 1]).square()),
  permute: unary((x) => x.permute(x.shape.map((_, i) => (i + 1) % x.rank)).square()),
  expand: unary((x) =>
    x
      .unsqueeze(0)
      .expand([3, ...x.shape])
      .square(),
  ),
  slice: fc
    .tuple(
      fc.integer({ min: 1, max: 6 }),
      fc.integer({ min: -7, max: 7 }),
      fc.integer({ min: -7, max: 7 }),
      fc.constantFrom(-3, -2, -1, 1, 2, 3),
      views,
    )
    .chain(([n, start, stop, step, view]) =>
      floats([n, 2]).map((x) => ({
        f: (y) => view(y.slice([[start, stop, step]]).square()),
        inputs: [x],
      })),
    ),
  pad: fc
    .tuple(shapes({ rank: 2 }), fc.array(fc.nat(2), { minLength: 6, maxLength: 6 }))
    .chain(([shape, n]) =>
      floats(shape).map((x) => ({
        f: (y) =>
          apply(primitives.pad, [y.square()], {
            before: [n[0], n[1]],
            after: [n[2], n[3]],
            interior: [n[4], n[5]],
          })[0],
        inputs: [x],
      })),
    ),
  concat: fc
    .tuple(shapes({ rank: 3 }), fc.nat(2), fc.integer({ min: 1, max: 3 }))
    .chain(([shape, axis, n]) =>
      fc
        .tuple(floats(shape), floats(shape.map((size, i) => (i === axis ? n : size))))
        .map(([a, b]) => ({ f: (p, q) => concat([p, q, p], axis).square(), inputs: [a, b] })),
    ),

  sum: reduction((x, axes) => x.square().sum(axes), floats),
  max: reduction((x, axes) => x.max(axes).square(), spacedFloats),

  matmul: fc
    .tuple(shapes({ maxRank: 2 }), shapes({ rank: 3 }), fc.boolean(), fc.boolean())
    .chain(([batch, [m, k, n], flat, flipped]) =>
      broadcastable(batch).chain((otherBatch) =>
        fc
          .tuple(floats([...batch, m, k]), floats(flat ? [k, n] : [...otherBatch, n, k]))
          .map(([a, b]) => {
            const right: View = flat ? (x) => x : (x) => x.transpose();
            const left: View = flipped ? (x) => x.flip() : (x) => x;
            return { f: (p, q) => left(p).matmul(right(q)), inputs: [a, b] };
          }),
      ),
    ),
  conv2d: convolutions.map(({ x, w, geometry }) => ({
    f: (p, q) => apply(primitives.conv2d, [p, q], geometry),
    inputs: [x, w],
  })),
  conv2dInput: convolutions.map(({ x, y, w, geometry }) => ({
    f: (p, q) =>
      apply(primitives.conv2dInput, [p, q], { ...geometry, inputSize: [x.shape[2], x.shape[3]] }),
    inputs: [y, w],
  })),
  conv2dWeight: convolutions.map(({ x, y, w, geometry }) => ({
    f: (p, q) =>
      apply(primitives.conv2dWeight, [p, q], { ...geometry, kernelSize: [w.shape[2], w.shape[3]] }),
    inputs: [x, y],
  })),

  gather: indexed.map(({ x, index }) => ({
    f: (y) => gather(y, index, 1).square(),
    inputs: [x],
  })),
  scatterAdd: indexed.map(({ x, index, source }) => ({
    f: (y) => scatterAdd(index, y, 1, x.shape).square(),
    inputs: [source],
  })),

  softmax: alongAxis((x, axis) => softmax(x, axis)),
  softmaxGrad: alongAxis(
    (x, axis) => apply(composites.softmaxGrad, [x.sigmoid(), x.sin()], { axis })[0],
  ),
  logSumExp: alongAxis((x, axis) => logSumExp(x, axis)),
  logSoftmax: alongAxis((x, axis) => logSoftmax(x, axis)),
  layerNorm: rows((x) => layerNorm(x, { eps: 0.1 })),
  layerNormGrad: rows((x) => apply(composites.layerNormGrad, [x, x.cos()], { eps: 0.1 })[0]),
  attention: heads((q, k, v) => [attention(q, k, v)]),
  attentionGrad: heads((q, k, v) => {
    const cotangent = q.matmul(k.transpose()).matmul(v); // any function that gives [..., T, F]
    return apply(composites.attentionGrad, [q, k, v, cotangent], { scale: 0.5 });
  }),
};
