// The names of weights in diffusers: which they are, and what is split or copied on the way there.

import { excerpt, FormatError, type SafetensorsEntry } from '@tessera/tensor';

/** Named weights of a model. */
export type Weights = ReadonlyMap<string, SafetensorsEntry>;

/** A module's name here, and in diffusers. */
type Pair = readonly [here: string, there: string];

/** Modules of the whole model. */
const WHOLE: readonly Pair[] = [
  ['x_embedder.proj', 'pos_embed.proj'],
  ['final_layer.adaLN_modulation.1', 'proj_out_1'],
  ['final_layer.linear', 'proj_out_2'],
];

/** Modules of a block, without those of queries, keys and values, which diffusers has apart. */
const OF_BLOCK: readonly Pair[] = [
  ['attn.proj', 'attn1.to_out.0'],
  ['mlp.fc1', 'ff.net.0.proj'],
  ['mlp.fc2', 'ff.net.2'],
  ['adaLN_modulation.1', 'norm1.linear'],
];

/** Modules of the whole model of which each block of diffusers has a copy. */
const IN_EACH_BLOCK: readonly Pair[] = [
  ['t_embedder.mlp.0', 'norm1.emb.timestep_embedder.linear_1'],
  ['t_embedder.mlp.2', 'norm1.emb.timestep_embedder.linear_2'],
  ['y_embedder.embedding_table', 'norm1.emb.class_embedder.embedding_table'],
];

const QKV = 'attn.qkv';
const APART = ['attn1.to_q', 'attn1.to_k', 'attn1.to_v'] as const;

/** The tensors of a module. An embedding has no bias. */
const TENSORS = ['weight', 'bias'] as const;

/** The positions, which diffusers computes anew. */
const POSITIONS = 'pos_embed';

/** The weights of a model of `depth` blocks, under the names that diffusers gives them. */
export function toDiffusers(weights: Weights, depth: number): Map<string, SafetensorsEntry> {
  const there = new Map<string, SafetensorsEntry>();
  const copy = (from: string, to: string): void => {
    for (const tensor of TENSORS) {
      const entry = weights.get(`${from}.${tensor}`);
      if (entry !== undefined) there.set(`${to}.${tensor}`, entry);
    }
  };
  for (const [from, to] of WHOLE) copy(from, to);
  for (let i = 0; i < depth; i++) {
    const [here, block] = [`blocks.${i}`, `transformer_blocks.${i}`];
    for (const [from, to] of OF_BLOCK) copy(`${here}.${from}`, `${block}.${to}`);
    for (const [from, to] of IN_EACH_BLOCK) copy(from, `${block}.${to}`);
    for (const tensor of TENSORS) {
      const entry = weights.get(`${here}.${QKV}.${tensor}`);
      if (entry === undefined) continue;
      APART.forEach((name, part) => {
        there.set(`${block}.${name}.${tensor}`, thirdOf(entry, part));
      });
    }
  }
  return there;
}

/**
 * The weights under the names that they have here.
 *
 * @param names of all weights of the model here
 * @param source the file in errors
 * @throws FormatError if weights are missing or too many, or if what is one module here has become several there
 */
export function fromDiffusers(
  there: Weights,
  names: readonly string[],
  depth: number,
  source: string,
): Map<string, SafetensorsEntry> {
  const used = new Set<string>();
  const take = (name: string): SafetensorsEntry => {
    const entry = there.get(name);
    if (entry === undefined) throw problem(source, `there is no tensor ${name}`);
    used.add(name);
    return entry;
  };
  const here = new Map<string, SafetensorsEntry>();
  for (const name of names) {
    if (name === POSITIONS) continue;
    const [first, ...copies] = placesOf(name, depth);
    here.set(name, first.length === 1 ? take(first[0]) : joined(first.map(take)));
    for (const [place] of copies) {
      if (sameElements(take(place), take(first[0]))) continue;
      throw problem(source, `${place} and ${first[0]} differ, but are one module here`);
    }
  }
  const alien = [...there.keys()].find((name) => !used.has(name));
  if (alien === undefined) return here;
  throw problem(source, `the tensor ${excerpt(alien)} belongs to no part of this model`);
}

/** Where a tensor lies there: in one place or three parts, and the same again in each of its copies. */
function placesOf(name: string, depth: number): readonly (readonly string[])[] {
  const [module, tensor] = [
    name.slice(0, name.lastIndexOf('.')),
    name.slice(name.lastIndexOf('.')),
  ];
  const [, index, part] = /^blocks\.(\d+)\.(.+)$/.exec(module) ?? [];
  if (index !== undefined) {
    const block = `transformer_blocks.${index}`;
    const parts = part === QKV ? APART : [partner(OF_BLOCK, part)];
    return [parts.map((each) => `${block}.${each}${tensor}`)];
  }
  const whole = WHOLE.find(([here]) => here === module);
  if (whole !== undefined) return [[`${whole[1]}${tensor}`]];
  const copied = partner(IN_EACH_BLOCK, module);
  return Array.from({ length: depth }, (_, i) => [`transformer_blocks.${i}.${copied}${tensor}`]);
}

function partner(pairs: readonly Pair[], name: string): string {
  return pairs.find(([here]) => here === name)?.[1] ?? name;
}

/** A third of the rows: those of queries, keys or values. */
function thirdOf({ dtype, shape, data }: SafetensorsEntry, part: number): SafetensorsEntry {
  const length = data.length / 3;
  const [rows, ...rest] = shape;
  return {
    dtype,
    shape: [rows / 3, ...rest],
    data: data.subarray(part * length, (part + 1) * length),
  };
}

/** Three parts, one below the other. */
function joined(parts: readonly SafetensorsEntry[]): SafetensorsEntry {
  const [{ shape }] = parts;
  const data = new Float32Array(parts.reduce((sum, part) => sum + part.data.length, 0));
  let at = 0;
  for (const part of parts) {
    data.set(part.data, at);
    at += part.data.length;
  }
  const rows = parts.reduce((sum, part) => sum + (part.shape[0] ?? 0), 0);
  return { dtype: 'float32', shape: [rows, ...shape.slice(1)], data };
}

function sameElements(a: SafetensorsEntry, b: SafetensorsEntry): boolean {
  return (
    a.data.length === b.data.length &&
    a.data.every((value: number, i: number) => value === b.data[i])
  );
}

function problem(source: string, text: string): FormatError {
  return new FormatError('loadDiffusers', `${source}: ${text}.`);
}
