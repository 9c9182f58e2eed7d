import { floats, shapes } from '@tessera/autograd/testing';
import {
  concat,
  embedding,
  gather,
  indexSelect,
  oneHot,
  scatterAdd,
  stack,
  type Tensor,
} from '@tessera/tensor';
import fc from 'fast-check';
import { binary as goldenBinary } from '../../golden/golden-op.ts';
import { alongAxis, ids, lookups, shaped, unary } from '../arbitraries.ts';
import type { Cases, OpRow } from '../row.ts';

const joined: Cases = (smallest) =>
  fc
    .tuple(shapes({ rank: 3, minSize: smallest }), fc.nat(2), fc.integer({ min: smallest, max: 3 }))
    .chain(([shape, axis, n]) =>
      fc
        .tuple(floats(shape), floats(shape.map((size, i) => (i === axis ? n : size))))
        .map((inputs) => ({
          f: (p: Tensor, q: Tensor) => concat([p, q, p], axis).square(),
          inputs,
        })),
    );

/** Joining and parting, and what goes by indices. */
export const joining: readonly OpRow[] = [
  {
    op: 'concat',
    cases: joined,
    golden: { concat: (inputs, attributes) => concat(inputs, attributes.number('axis')) },
  },
  {
    op: 'stack',
    cases: alongAxis((x, axis) => stack([x, x.sin(), x], axis).square(), { takesEmpty: true }),
    golden: { stack: (inputs, attributes) => stack(inputs, attributes.number('axis')) },
  },
  {
    op: 'split',
    variant: 'of a tensor',
    cases: shaped((x) => x.split([2, 0, 3], -1).map((part) => part.square()), [[3, 5]]),
    golden: {
      split: ([x], attributes) => x.split(attributes.numbers('sizes'), attributes.number('axis')),
    },
  },
  {
    op: 'chunk',
    cases: alongAxis(
      (x, axis) =>
        concat([x, x.sin()], axis)
          .chunk(2, axis)
          .map((part) => part.square()),
      { takesEmpty: true },
    ),
    golden: {
      chunk: ([x], attributes) => x.chunk(attributes.number('chunks'), attributes.number('axis')),
    },
  },

  {
    op: 'gather',
    cases: lookups(({ x, index }) => ({
      f: (y, at) => gather(y, at, 1).square(),
      inputs: [x, index],
    })),
    golden: {
      gather: ([x, index], attributes) => gather(x, index, attributes.number('axis')),
    },
  },
  {
    op: 'scatterAdd',
    cases: lookups(({ x, index, source }) => ({
      f: (y, at) => scatterAdd(at, y, 1, x.shape).square(),
      inputs: [source, index],
    })),
    golden: {
      scatter_add: ([base, index, source], attributes) =>
        base.add(scatterAdd(index, source, attributes.number('axis'), base.shape)),
    },
  },
  {
    op: 'indexSelect',
    cases: lookups(({ x, index }) => ({
      f: (y, at) => indexSelect(y, at.select(0, 0), -1).square(),
      inputs: [x, index],
    })),
    golden: {
      index_select: ([x, index], attributes) => indexSelect(x, index, attributes.number('axis')),
    },
  },
  {
    op: 'embedding',
    cases: shaped((table, at) => embedding(table, at).square(), [[4, 3], [2, 5]], [floats, ids(4)]), // prettier-ignore
    golden: { embedding: goldenBinary(embedding) },
  },
  {
    op: 'oneHot',
    cases: unary((at) => oneHot(at, 4), ids(4)),
    notDifferentiable: 'the operand is int32',
    golden: { one_hot: ([at], attributes) => oneHot(at, attributes.number('num_classes')) },
  },
];
