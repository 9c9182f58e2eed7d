import { floats, shapes, views } from '@tessera/autograd/testing';
import { pad, roll, tile, tril, triu, type PadOptions, type Tensor } from '@tessera/tensor';
import { apply, primitives } from '@tessera/tensor/extend';
import fc from 'fast-check';
import { unsupported } from '../../golden/golden-op.ts';
import { alongAxis, images, shaped, unary } from '../arbitraries.ts';
import type { Cases, OpRow } from '../row.ts';

const PAD_MODES: readonly PadOptions['mode'][] = ['constant', 'reflect', 'replicate'];

const slices: Cases = (smallest) =>
  fc
    .tuple(
      fc.integer({ min: smallest, max: 6 }),
      fc.integer({ min: -7, max: 7 }),
      fc.integer({ min: -7, max: 7 }),
      fc.constantFrom(-3, -2, -1, 1, 2, 3),
      views,
    )
    .chain(([n, start, stop, step, view]) =>
      floats([n, 2]).map((x) => ({
        f: (y: Tensor) => view(y.slice([[start, stop, step]]).square()),
        inputs: [x],
      })),
    );

const padded: Cases = (minSize) =>
  fc
    .tuple(shapes({ rank: 2, minSize }), fc.array(fc.nat(2), { minLength: 6, maxLength: 6 }))
    .chain(([shape, n]) =>
      floats(shape).map((x) => ({
        f: (y: Tensor) =>
          apply(primitives.pad, [y.square()], {
            before: [n[0], n[1]],
            after: [n[2], n[3]],
            interior: [n[4], n[5]],
          })[0],
        inputs: [x],
      })),
    );

/** What moves elements. Movements are squared, so that their second derivative is not just 0. */
export const movements: readonly OpRow[] = [
  { op: 'alias', cases: unary((x) => apply(primitives.alias, [x], {})[0].square()) },
  { op: 'barrier', cases: unary((x) => apply(primitives.barrier, [x], {})[0].square()) },
  {
    op: 'reshape',
    cases: unary((x) => x.reshape([-1, 1]).square()),
    golden: { reshape: ([x], attributes) => x.reshape(attributes.numbers('shape')) },
  },
  { op: 'flatten', cases: unary((x) => x.flatten().square()) },
  {
    op: 'permute',
    cases: unary((x) => x.permute(x.shape.map((_, i) => (i + 1) % x.rank)).square()),
    golden: { permute: ([x], attributes) => x.permute(attributes.numbers('dims')) },
  },
  {
    op: 'transpose',
    cases: alongAxis((x, axis) => x.transpose(axis, -1).square(), { takesEmpty: true }),
    golden: {
      transpose: ([x], attributes) =>
        x.transpose(attributes.number('dim0'), attributes.number('dim1')),
    },
  },
  {
    op: 'expand',
    cases: unary((x) => x.unsqueeze(0).expand([3, ...x.shape]).square()), // prettier-ignore
    golden: { expand: ([x], attributes) => x.expand(attributes.numbers('shape')) },
  },
  {
    op: 'squeeze',
    cases: unary((x) => x.squeeze().square()),
    golden: { squeeze: ([x], attributes) => x.squeeze(attributes.optionalNumber('axis')) },
  },
  {
    op: 'unsqueeze',
    cases: alongAxis((x, axis) => x.unsqueeze(axis).square(), { takesEmpty: true }),
    golden: { unsqueeze: ([x], attributes) => x.unsqueeze(attributes.number('axis')) },
  },
  {
    op: 'flip',
    cases: alongAxis((x, axis) => x.flip(axis).square(), { takesEmpty: true }),
    golden: { flip: ([x], attributes) => x.flip(attributes.numbers('dims')) },
  },
  {
    op: 'slice',
    cases: slices,
    golden: {
      slice: ([x], attributes) =>
        x.slice(attributes.slices('slices').map((s) => (s === null ? null : [s[0], s[1], s[2]]))),
    },
  },
  { op: 'select', cases: alongAxis((x, axis) => x.select(axis, -1).square()) },

  { op: 'pad', cases: padded },
  {
    op: 'pad',
    variant: 'with a value',
    cases: shaped((x) => pad(x, [[1, 2], [0, 1]], { value: 3 }).square(), [[2, 3]]), // prettier-ignore
    golden: {
      pad: ([x], attributes) => {
        const name = attributes.text('mode');
        const mode = PAD_MODES.find((known) => known === name);
        if (mode === undefined) return unsupported(`pad with mode "${name}"`);
        const value = attributes.optionalNumber('value') ?? 0;
        return pad(x, attributes.pairs('pads'), { mode, value });
      },
    },
  },
  {
    op: 'pad',
    variant: 'by reflection',
    cases: shaped((x) => pad(x, [[1, 0], [2, 2]], { mode: 'reflect' }).square(), [[2, 3]]), // prettier-ignore
  },
  {
    op: 'pad',
    variant: 'by replication',
    cases: shaped((x) => pad(x, [[1, 2], [0, 3]], { mode: 'replicate' }).square(), [[2, 3]]), // prettier-ignore
  },
  {
    op: 'tile',
    cases: unary((x) => tile(x, [2, 1, 3]).square()),
    golden: { tile: ([x], attributes) => tile(x, attributes.numbers('reps')) },
  },
  {
    op: 'roll',
    cases: alongAxis((x, axis) => roll(x, [4, -1], [axis, 0]).square(), { takesEmpty: true }),
    golden: {
      roll: ([x], attributes) => roll(x, attributes.numbers('shifts'), attributes.numbers('dims')),
    },
  },
  {
    op: 'tril',
    cases: images((x) => tril(x, 1).square(), 1),
    golden: { tril: ([x], attributes) => tril(x, attributes.number('k')) },
  },
  {
    op: 'triu',
    cases: images((x) => triu(x, -1).square(), 1),
    golden: { triu: ([x], attributes) => triu(x, attributes.number('k')) },
  },
];
