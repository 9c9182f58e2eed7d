import {
  concat,
  embedding,
  gather,
  indexSelect,
  oneHot,
  pad,
  roll,
  scatterAdd,
  stack,
  tile,
  tril,
  triu,
  type PadOptions,
} from '@tessera/tensor';
import { binary, unsupported, type GoldenOps } from './golden-op.ts';

const PAD_MODES: readonly PadOptions['mode'][] = ['constant', 'reflect', 'replicate'];

/** Movements, joining and parting, and what goes by indices. */
export const layoutOps: GoldenOps = {
  reshape: ([x], attributes) => x.reshape(attributes.numbers('shape')),
  permute: ([x], attributes) => x.permute(attributes.numbers('dims')),
  transpose: ([x], attributes) => x.transpose(attributes.number('dim0'), attributes.number('dim1')),
  expand: ([x], attributes) => x.expand(attributes.numbers('shape')),
  squeeze: ([x], attributes) => x.squeeze(attributes.optionalNumber('axis')),
  unsqueeze: ([x], attributes) => x.unsqueeze(attributes.number('axis')),
  flip: ([x], attributes) => x.flip(attributes.numbers('dims')),
  tile: ([x], attributes) => tile(x, attributes.numbers('reps')),
  roll: ([x], attributes) => roll(x, attributes.numbers('shifts'), attributes.numbers('dims')),
  slice: ([x], attributes) =>
    x.slice(attributes.slices('slices').map((s) => (s === null ? null : [s[0], s[1], s[2]]))),
  pad: ([x], attributes) => {
    const name = attributes.text('mode');
    const mode = PAD_MODES.find((known) => known === name);
    if (mode === undefined) return unsupported(`pad with mode "${name}"`);
    const value = attributes.optionalNumber('value') ?? 0;
    return pad(x, attributes.pairs('pads'), { mode, value });
  },
  tril: ([x], attributes) => tril(x, attributes.number('k')),
  triu: ([x], attributes) => triu(x, attributes.number('k')),

  concat: (inputs, attributes) => concat(inputs, attributes.number('axis')),
  stack: (inputs, attributes) => stack(inputs, attributes.number('axis')),
  split: ([x], attributes) => x.split(attributes.numbers('sizes'), attributes.number('axis')),
  chunk: ([x], attributes) => x.chunk(attributes.number('chunks'), attributes.number('axis')),

  gather: ([x, index], attributes) => gather(x, index, attributes.number('axis')),
  scatter_add: ([base, index, source], attributes) =>
    base.add(scatterAdd(index, source, attributes.number('axis'), base.shape)),
  index_select: ([x, index], attributes) => indexSelect(x, index, attributes.number('axis')),
  embedding: binary(embedding),
  one_hot: ([ids], attributes) => oneHot(ids, attributes.number('num_classes')),
};
