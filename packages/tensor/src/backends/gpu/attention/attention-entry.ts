// Attention as WGSL: a workgroup computes a block of queries, and the logits stay in its memory.

import { sizeOf } from '../../../array/shape.ts';
import {
  attentionBlocks,
  loadRows,
  loadValues,
  SIDE,
  type AttentionBlocks,
  type Matrices,
} from './attention-blocks.ts';
import type { AttentionSizes } from './attention-operands.ts';
import type { Axes } from '../kernel/axes.ts';
import type { WorkgroupEntry } from '../kernel/dispatch.ts';
import { placeOf } from '../kernel/wgsl-text.ts';

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

/** All pairs of a number below `rows` and one below `columns`. */
const pairsOf = (rows: number, columns: number): (readonly [number, number])[] =>
  range(rows).flatMap((i) => range(columns).map((j) => [i, j] as const));

/**
 * Writes attention as an entry: a workgroup computes a block of queries. Keys and values come block by block
 * through workgroup memory, and sums are kept relative to the largest logit so far. A thread has some
 * neighbouring queries. For these it computes the logits of every eighth key and every eighth column of v.
 *
 * Source: Milakov & Gimelshein 2018, "Online normalizer calculation for softmax", algorithm 3; Dao et
 * al. 2022, "FlashAttention", algorithm 1.
 *
 * @param sizes No size is 0, except perhaps E; F is at most `WIDEST_VALUES`.
 * @param matrices q, k and v.
 * @param axes The batch axes of q, k and v.
 */
export function attentionEntry(
  sizes: AttentionSizes,
  matrices: readonly Matrices[],
  axes: Axes,
  scale: number,
): WorkgroupEntry {
  const { batch, T, S, F } = sizes;
  const [, , v] = matrices;
  const blocks = attentionBlocks(sizes);
  const { ownQueries, ownColumns, queries, keys, depth, columns, tileKeys } = blocks;
  const sums = pairsOf(ownQueries, ownColumns);
  const tileSize = Math.max(depth * (queries + 1 + keys + 1), tileKeys * columns);
  const code = [
    `var<workgroup> tile : array<f32, ${tileSize}>;`,
    `var<workgroup> weights : array<f32, ${keys * (queries + 1)}>;`,
    `var<workgroup> partial : array<f32, ${queries * SIDE}>;`,
    `@compute @workgroup_size(${SIDE}, ${SIDE}, 1)`,
    'fn main(@builtin(workgroup_id) group : vec3<u32>, @builtin(local_invocation_id) own : vec3<u32>,',
    '        @builtin(local_invocation_index) index : u32) {',
    'let thread = i32(index);',
    'let across = i32(own.x);',
    `let mine = i32(own.y) * ${ownQueries};`,
    `let firstQuery = i32(group.x) * ${queries};`,
    ...['Q', 'K', 'V'].map((name, i) => {
      const { offset } = matrices[i].view;
      return `let baseOf${name} = ${placeOf('i32(group.z)', axes.shape, axes.strides[i], offset)};`;
    }),
    ...range(ownQueries).map((i) => `var peak${i} = -fn_infinity(0.0); var total${i} = 0.0;`),
    ...sums.map(([i, c]) => `var y${i}_${c} = 0.0;`),
    `for (var firstKey = 0; firstKey < ${S}; firstKey += ${keys}) {`,
    ...findLogits(sizes, blocks, matrices, scale),
    ...range(ownQueries).flatMap((i) => takeExponentials(i, blocks)),
    'workgroupBarrier();',
    `for (var firstRow = 0; firstRow < min(${keys}, ${S} - firstKey); firstRow += ${tileKeys}) {`,
    ...loadValues(v, sizes, blocks),
    'workgroupBarrier();',
    `for (var j = 0; j < ${tileKeys}; j++) {`,
    ...range(ownQueries).map((i) => {
      return `let p${i} = weights[(firstRow + j) * ${queries + 1} + mine + ${i}];`;
    }),
    ...range(ownColumns).map((c) => `let v${c} = tile[j * ${columns} + across + ${SIDE * c}];`),
    ...sums.map(([i, c]) => `y${i}_${c} += p${i} * v${c};`),
    '}',
    'workgroupBarrier();',
    '}',
    '}',
    ...range(ownQueries).map((i) => `partial[(mine + ${i}) * ${SIDE} + across] = total${i};`),
    'workgroupBarrier();',
    ...range(ownQueries).flatMap((i) => [
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
  const threads = [Math.ceil(T / queries) * SIDE, SIDE, sizeOf(batch)];
  return { code, threads, workgroup: [SIDE, SIDE, 1] };
}

/** Computes the logits of a block of keys, and writes each thread's largest logit per query to `partial`. */
function findLogits(
  { T, S, E }: AttentionSizes,
  { ownQueries, ownKeys, queries, keys, depth }: AttentionBlocks,
  [q, k]: readonly Matrices[],
  scale: number,
): string[] {
  const logits = pairsOf(ownQueries, ownKeys);
  const behind = depth * (queries + 1);
  const tileOfQ = { matrices: q, base: 'baseOfQ', first: 'firstQuery', rows: T, block: queries };
  const tileOfK = { matrices: k, base: 'baseOfK', first: 'firstKey', rows: S, block: keys };
  return [
    ...logits.map(([i, j]) => `var s${i}_${j} = 0.0;`),
    `for (var firstStep = 0; firstStep < ${E}; firstStep += ${depth}) {`,
    ...loadRows({ ...tileOfQ, to: 0 }, E, depth),
    ...loadRows({ ...tileOfK, to: behind }, E, depth),
    'workgroupBarrier();',
    `for (var e = 0; e < ${depth}; e++) {`,
    ...range(ownQueries).map((i) => `let q${i} = tile[e * ${queries + 1} + mine + ${i}];`),
    ...range(ownKeys).map((j) => {
      return `let k${j} = tile[${behind} + e * ${keys + 1} + across + ${SIDE * j}];`;
    }),
    ...logits.map(([i, j]) => `s${i}_${j} += q${i} * k${j};`),
    '}',
    'workgroupBarrier();',
    '}',
    ...range(ownKeys).map((j) => `let isKey${j} = firstKey + across + ${SIDE * j} < ${S};`),
    ...range(ownQueries).map((i) => `var largest${i} = -fn_infinity(0.0);`),
    ...logits.flatMap(([i, j]) => [
      `s${i}_${j} *= ${scale};`,
      `if (isKey${j}) { largest${i} = fn_larger(largest${i}, s${i}_${j}); }`,
    ]),
    ...range(ownQueries).map((i) => `partial[(mine + ${i}) * ${SIDE} + across] = largest${i};`),
    'workgroupBarrier();',
  ];
}

/**
 * Writes the exponentials of the logits of query i, relative to the largest logit so far, to `weights`, and
 * brings the earlier sums to the same scale. While all logits are −∞, 0 stands for the largest one: their
 * exponentials are then 0, and a query whose logits are all −∞ gets 0/0.
 */
function takeExponentials(i: number, { ownKeys, ownColumns, queries }: AttentionBlocks): string[] {
  const largest = `fn_larger(most${i}, partial[(mine + ${i}) * ${SIDE} + t])`;
  return [
    `var most${i} = peak${i};`,
    `for (var t = 0; t < ${SIDE}; t++) { most${i} = ${largest}; }`,
    // Compares the bits of −∞, since a compiler may assume that no number is below the smallest finite one.
    `let origin${i} = select(most${i}, 0.0, bitcast<u32>(most${i}) == 0xff800000u);`,
    `let decay${i} = fn_exponential(peak${i} - origin${i});`,
    `peak${i} = most${i};`,
    `total${i} *= decay${i};`,
    ...range(ownColumns).map((c) => `y${i}_${c} *= decay${i};`),
    ...range(ownKeys).flatMap((j) => [
      `var w${i}_${j} = 0.0;`,
      `if (isKey${j}) { w${i}_${j} = fn_exponential(s${i}_${j} - origin${i}); }`,
      `total${i} += w${i}_${j};`,
      `weights[(across + ${SIDE * j}) * ${queries + 1} + mine + ${i}] = w${i}_${j};`,
    ]),
  ];
}
