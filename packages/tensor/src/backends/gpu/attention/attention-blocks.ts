// How attention is cut into blocks of queries and keys, and how a workgroup copies them to its memory.

import type { View } from '../../../array/view.ts';
import type { AttentionSizes } from './attention-operands.ts';

/** Threads along each side of a workgroup: queries along one, keys and columns of v along the other. */
export const SIDE = 8;

/** Queries that one thread has at most, and keys that it takes at a time at most. */
const MOST_OWN = 4;

/** Elements of E in a tile at most. A tile of q and a tile of k are in workgroup memory together. */
const DEEPEST_TILE = 32;

/** Numbers in a tile of v at most: as many as the tiles of q and k take together. */
const LARGEST_TILE = 2 * DEEPEST_TILE * (SIDE * MOST_OWN + 1);

/** Columns of v at most. A thread holds its share of the columns for each of its queries. */
export const WIDEST_VALUES = 128;

/** How an attention is cut into blocks. A workgroup uses at most 14 KiB of shared memory. */
export interface AttentionBlocks {
  /** Queries, and keys per step: `own…` of one thread, the others of a workgroup. */
  readonly ownQueries: number;
  readonly ownKeys: number;
  readonly queries: number;
  readonly keys: number;
  /** Elements of E in a tile of q or k. */
  readonly depth: number;
  /** Columns of v: `own…` of one thread; a workgroup has all of them. */
  readonly ownColumns: number;
  readonly columns: number;
  /** Keys of a tile of v. */
  readonly tileKeys: number;
}

/** Chooses the blocks for these sizes: small blocks if there are few queries or keys. */
export function attentionBlocks({ T, S, E, F }: AttentionSizes): AttentionBlocks {
  const own = (size: number): number => Math.min(MOST_OWN, powerOfTwo(Math.ceil(size / SIDE)));
  const [ownQueries, ownKeys] = [own(T), own(S)];
  const [queries, keys] = [SIDE * ownQueries, SIDE * ownKeys];
  const tiles = Math.max(1, Math.ceil(E / DEEPEST_TILE));
  const ownColumns = Math.ceil(F / SIDE);
  const columns = SIDE * ownColumns;
  let tileKeys = keys;
  while (tileKeys * columns > LARGEST_TILE) tileKeys /= 2;
  const depth = Math.max(1, Math.ceil(E / tiles));
  return { ownQueries, ownKeys, queries, keys, depth, ownColumns, columns, tileKeys };
}

/** The smallest power of two that is at least `size`. */
function powerOfTwo(size: number): number {
  return 2 ** Math.ceil(Math.log2(size));
}

/** An operand `[..., row, column]` and the argument that holds it. */
export interface Matrices {
  readonly array: string;
  readonly view: View;
}

/** Rows of q or k that are copied to a tile. */
interface RowTile {
  readonly matrices: Matrices;
  /** Names of two numbers: where the matrix begins, and the first row. */
  readonly base: string;
  readonly first: string;
  /** Number of rows of the matrix and of the tile. */
  readonly rows: number;
  readonly block: number;
  /** Where the tile begins in workgroup memory. */
  readonly to: number;
}

/**
 * Copies a tile `[depth, block]` of rows; neighbouring threads read along the axis whose elements lie side by
 * side. Each row of the tile has one number of padding: the tile is read in both directions, and an odd row
 * length spreads the reads over the memory banks.
 */
export function loadRows(
  { matrices: { array, view }, base, first, rows, block, to }: RowTile,
  E: number,
  depth: number,
): string[] {
  const [rowStride, stepStride] = view.strides.slice(-2);
  const [step, row] =
    rowStride === 1 ? [`at / ${block}`, `at % ${block}`] : [`at % ${depth}`, `at / ${depth}`];
  const place = `${base} + (${first} + row) * ${rowStride} + (firstStep + step) * ${stepStride}`;
  return [
    `for (var at = thread; at < ${block * depth}; at += ${SIDE * SIDE}) {`,
    `let step = ${step};`,
    `let row = ${row};`,
    'var value = 0.0;',
    `if (${first} + row < ${rows} && firstStep + step < ${E}) { value = user_${array}[${place}]; }`,
    `tile[${to} + step * ${block + 1} + row] = value;`,
    '}',
  ];
}

/** Copies a tile `[tileKeys, columns]` of v. */
export function loadValues(
  { array, view }: Matrices,
  { S, F }: AttentionSizes,
  { columns, tileKeys }: AttentionBlocks,
): string[] {
  const [rowStride, columnStride] = view.strides.slice(-2);
  const place = `baseOfV + (firstKey + firstRow + row) * ${rowStride} + column * ${columnStride}`;
  return [
    `for (var at = thread; at < ${tileKeys * columns}; at += ${SIDE * SIDE}) {`,
    `let row = at / ${columns};`,
    `let column = at % ${columns};`,
    'var value = 0.0;',
    `if (firstKey + firstRow + row < ${S} && column < ${F}) { value = user_${array}[${place}]; }`,
    'tile[at] = value;',
    '}',
  ];
}
