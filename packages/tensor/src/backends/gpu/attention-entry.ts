import type { View } from '../../view.ts';
import { sizeOf } from '../../shape.ts';
import type { AttentionSizes } from './attention-operands.ts';
import type { Axes } from './axes.ts';
import type { WorkgroupEntry } from './dispatch.ts';
import { placeOf } from './wgsl-text.ts';

/** Threads along each side of a workgroup: queries along one, keys and columns of v along the other. */
const SIDE = 8;

/** Queries, and keys at a time, of a thread. */
const OWN = 4;

/** Queries of a workgroup, and keys that it looks at together. */
const BLOCK = SIDE * OWN;

/** Numbers between neighbours in a tile whose rows are walked both ways: odd, so that banks differ. */
const PITCH = BLOCK + 1;

/** Elements of E in a tile at most; a tile of q and one of k lie in memory together. */
const DEEPEST_TILE = 32;

/** Columns of v at most: a thread holds its part of them for each of its queries. */
export const WIDEST_VALUES = 128;

/** An operand `[..., row, column]` and the argument that holds it. */
export interface Matrices {
  readonly array: string;
  readonly view: View;
}

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

/**
 * Attention of a block of queries by a workgroup: keys and values come block by block through workgroup
 * memory (14 KiB at most), and sums are kept relative to the largest logit so far. A thread has the
 * logits of 4 queries and 4 keys, and every eighth column of v for these queries.
 *
 * Source: Milakov & Gimelshein 2018, "Online normalizer calculation for softmax", algorithm 3; Dao et
 * al. 2022, "FlashAttention", algorithm 1.
 *
 * @param sizes None is 0, but E may be; F is {@link WIDEST_VALUES} at most.
 * @param matrices q, k and v.
 * @param axes The batch of these.
 */
export function attentionEntry(
  { batch, T, S, E, F }: AttentionSizes,
  [q, k, v]: readonly Matrices[],
  axes: Axes,
  scale: number,
): WorkgroupEntry {
  const depth = Math.max(1, Math.ceil(E / Math.ceil(E / DEEPEST_TILE) || 0));
  const columns = Math.ceil(F / SIDE);
  const width = columns * SIDE;
  const logitTile = depth * PITCH;
  const keysOfTile =
    2 ** Math.floor(Math.log2(Math.min(BLOCK, (2 * DEEPEST_TILE * PITCH) / width)));
  const [queries, keys, parts] = [range(OWN), range(OWN), range(columns)];
  const pairs = queries.flatMap((i) => keys.map((j) => [i, j] as const));
  const sums = queries.flatMap((i) => parts.map((c) => [i, c] as const));
  const base = (operand: number, { view }: Matrices): string =>
    placeOf('i32(group.z)', axes.shape, axes.strides[operand], view.offset);
  const code = [
    `var<workgroup> tile : array<f32, ${Math.max(2 * logitTile, keysOfTile * width)}>;`,
    `var<workgroup> weights : array<f32, ${BLOCK * PITCH}>;`,
    `var<workgroup> partial : array<f32, ${BLOCK * SIDE}>;`,
    `@compute @workgroup_size(${SIDE}, ${SIDE}, 1)`,
    'fn main(@builtin(workgroup_id) group : vec3<u32>, @builtin(local_invocation_id) own : vec3<u32>,',
    '        @builtin(local_invocation_index) index : u32) {',
    'let thread = i32(index);',
    'let across = i32(own.x);',
    `let mine = i32(own.y) * ${OWN};`,
    `let firstQuery = i32(group.x) * ${BLOCK};`,
    ...[q, k, v].map((operand, i) => `let base${i} = ${base(i, operand)};`),
    ...queries.map((i) => `var peak${i} = -fn_infinity(0.0); var total${i} = 0.0;`),
    ...sums.map(([i, c]) => `var y${i}_${c} = 0.0;`),
    `for (var firstKey = 0; firstKey < ${S}; firstKey += ${BLOCK}) {`,
    ...pairs.map(([i, j]) => `var s${i}_${j} = 0.0;`),
    `for (var firstStep = 0; firstStep < ${E}; firstStep += ${depth}) {`,
    ...loadRows(q, 0, 'firstQuery', T, E, depth, 0),
    ...loadRows(k, 1, 'firstKey', S, E, depth, logitTile),
    'workgroupBarrier();',
    `for (var e = 0; e < ${depth}; e++) {`,
    ...queries.map((i) => `let q${i} = tile[e * ${PITCH} + mine + ${i}];`),
    ...keys.map((j) => `let k${j} = tile[${logitTile} + e * ${PITCH} + across + ${SIDE * j}];`),
    ...pairs.map(([i, j]) => `s${i}_${j} += q${i} * k${j};`),
    '}',
    'workgroupBarrier();',
    '}',
    ...keys.map((j) => `let isKey${j} = firstKey + across + ${SIDE * j} < ${S};`),
    ...queries.flatMap((i) => [
      `var largest${i} = -fn_infinity(0.0);`,
      ...keys.flatMap((j) => [
        `s${i}_${j} *= ${scale};`,
        `if (isKey${j}) { largest${i} = fn_larger(largest${i}, s${i}_${j}); }`,
      ]),
      `partial[(mine + ${i}) * ${SIDE} + across] = largest${i};`,
    ]),
    'workgroupBarrier();',
    ...queries.flatMap((i) => takeExponentials(i, keys, parts)),
    'workgroupBarrier();',
    `for (var firstRow = 0; firstRow < min(${BLOCK}, ${S} - firstKey); firstRow += ${keysOfTile}) {`,
    ...loadValues(v, S, F, width, keysOfTile),
    'workgroupBarrier();',
    `for (var j = 0; j < ${keysOfTile}; j++) {`,
    ...queries.map((i) => `let p${i} = weights[(firstRow + j) * ${PITCH} + mine + ${i}];`),
    ...parts.map((c) => `let v${c} = tile[j * ${width} + across + ${SIDE * c}];`),
    ...sums.map(([i, c]) => `y${i}_${c} += p${i} * v${c};`),
    '}',
    'workgroupBarrier();',
    '}',
    '}',
    ...queries.map((i) => `partial[(mine + ${i}) * ${SIDE} + across] = total${i};`),
    'workgroupBarrier();',
    ...queries.flatMap((i) => [
      `var sum${i} = 0.0;`,
      `for (var t = 0; t < ${SIDE}; t++) { sum${i} += partial[(mine + ${i}) * ${SIDE} + t]; }`,
      `let row${i} = firstQuery + mine + ${i};`,
    ]),
    ...sums.map(([i, c]) => {
      const column = `across + ${SIDE * c}`;
      const place = `(i32(group.z) * ${T} + row${i}) * ${F} + ${column}`;
      return `if (row${i} < ${T} && ${column} < ${F}) { result[${place}] = y${i}_${c} / sum${i}; }`;
    }),
    '}',
  ].join('\n');
  const threads = [Math.ceil(T / BLOCK) * SIDE, SIDE, sizeOf(batch)];
  return { code, threads, workgroup: [SIDE, SIDE, 1] };
}

/**
 * Exponentials of the logits of query i, relative to the largest one so far, to `weights`; what was
 * summed before is brought to the same scale. While all logits were −∞, 0 stands for the largest: their
 * exponentials are 0, and a query whose logits are all −∞ gets 0/0.
 */
function takeExponentials(i: number, keys: readonly number[], parts: readonly number[]): string[] {
  return [
    `var most${i} = peak${i};`,
    `for (var t = 0; t < ${SIDE}; t++) { most${i} = fn_larger(most${i}, partial[(mine + ${i}) * ${SIDE} + t]); }`,
    `let origin${i} = select(most${i}, 0.0, most${i} < -3.4028234e38);`,
    `let decay${i} = fn_exponential(peak${i} - origin${i});`,
    `peak${i} = most${i};`,
    `total${i} *= decay${i};`,
    ...parts.map((c) => `y${i}_${c} *= decay${i};`),
    ...keys.flatMap((j) => [
      `var w${i}_${j} = 0.0;`,
      `if (isKey${j}) { w${i}_${j} = fn_exponential(s${i}_${j} - origin${i}); }`,
      `total${i} += w${i}_${j};`,
      `weights[(across + ${SIDE * j}) * ${PITCH} + mine + ${i}] = w${i}_${j};`,
    ]),
  ];
}

/** Copies `[depth, BLOCK]` of q or k, along the axis on which neighbours lie side by side. */
function loadRows(
  { array, view }: Matrices,
  operand: number,
  first: string,
  rows: number,
  E: number,
  depth: number,
  to: number,
): string[] {
  const [rowStride, stepStride] = view.strides.slice(-2);
  const [step, row] =
    rowStride === 1 ? [`at / ${BLOCK}`, `at % ${BLOCK}`] : [`at % ${depth}`, `at / ${depth}`];
  return [
    `for (var at = thread; at < ${BLOCK * depth}; at += ${SIDE * SIDE}) {`,
    `let step = ${step};`,
    `let row = ${row};`,
    'var value = 0.0;',
    `if (${first} + row < ${rows} && firstStep + step < ${E}) {`,
    `value = user_${array}[base${operand} + (${first} + row) * ${rowStride} + (firstStep + step) * ${stepStride}];`,
    '}',
    `tile[${to} + step * ${PITCH} + row] = value;`,
    '}',
  ];
}

/** Copies `[keysOfTile, width]` of v. */
function loadValues(
  { array, view }: Matrices,
  S: number,
  F: number,
  width: number,
  keysOfTile: number,
): string[] {
  const [rowStride, columnStride] = view.strides.slice(-2);
  const place = `base2 + (firstKey + firstRow + row) * ${rowStride} + column * ${columnStride}`;
  return [
    `for (var at = thread; at < ${keysOfTile * width}; at += ${SIDE * SIDE}) {`,
    `let row = at / ${width};`,
    `let column = at % ${width};`,
    'var value = 0.0;',
    `if (firstKey + firstRow + row < ${S} && column < ${F}) { value = user_${array}[${place}]; }`,
    'tile[at] = value;',
    '}',
  ];
}
