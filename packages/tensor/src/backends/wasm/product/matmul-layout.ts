// How a matrix product is cut into units of rows and columns, and its depth into rounds.

import type { CallKernel } from '../../../plan/kernel.ts';
import { collapse, countOf, type Dimension } from '../../../array/view.ts';
import type { PanelStrides } from './packing.ts';
import type { Blocking } from './tile.ts';

/** The most panels of the left operand that one unit packs. With their depth they stay in the cache. */
const MOST_PANELS = 16;

/** The fewest rows for which packing pays. */
const FEWEST_ROWS = 12;

/** The most columns that a unit packs for itself. With a block of the depth they stay in the cache. */
const MOST_COLUMNS = 512;

/** The fewest columns of one unit. */
const FEWEST_COLUMNS = 64;

/** Enough units for several threads to share evenly. */
const ENOUGH_UNITS = 16;

/** The most blocks of the depth that are packed at a time. Their panels are still near when they are used. */
const ROUND_BLOCKS = 4;

/** The most rounds of packing and multiplying; where there would be more, each takes more blocks. */
const MOST_ROUNDS = 8;

/** An operand of a product: the left one with its rows, the right one with its columns. */
export interface Side {
  readonly operand: 0 | 1;
  /** Rows of the left operand or columns of the right one. */
  readonly size: number;
  /** How many of them make one panel. */
  readonly width: number;
  readonly strides: PanelStrides;
  /** How many matrices differ: 1 where the whole batch shares one. */
  readonly matrices: number;
  /** Rows or columns of a unit, whole panels. */
  readonly unit: number;
  /** Whether it is packed first, for all units. Otherwise each unit packs what it needs. */
  readonly isShared: boolean;
}

/** A product of matrices: `y[m, n] = Σ_k a[m, k] · b[k, n]` for each index of the batch. */
export interface Product {
  readonly left: Side;
  readonly right: Side;
  readonly k: number;
  /** Steps of the depth that are multiplied at a time. */
  readonly depth: number;
  /** Loops over the batch; strides of a and b in elements. */
  readonly batch: readonly Dimension[];
}

/** Steps `from … to − 1` of the depth. They are packed and multiplied before the next ones. */
export interface Round {
  readonly from: number;
  readonly to: number;
}

/**
 * The product of a kernel. Where the whole batch shares b, the rows of all matrices a count as rows of one
 * tall a.
 */
export function productOf({ inputs: [a, b] }: CallKernel, blocking: Blocking): Product {
  const batch = collapse(a.view.shape.slice(0, -2), [a.view.strides, b.view.strides]);
  let [m] = a.view.shape.slice(-2);
  let [rowStride] = a.view.strides.slice(-2);
  const [k, n] = b.view.shape.slice(-2);
  const [bStep, bColumn] = b.view.strides.slice(-2);
  for (;;) {
    const last = batch.at(-1);
    if (last === undefined || last.strides[1] !== 0) break;
    if (m === 1) [rowStride] = last.strides;
    else if (last.strides[0] !== rowStride * m) break;
    batch.pop();
    m *= last.size;
  }
  const matrices = (operand: 0 | 1): number =>
    batch.every(({ strides }) => strides[operand] === 0) ? 1 : countOf(batch);
  const units = unitsOf(m, n, countOf(batch), blocking);
  const left: Side = {
    operand: 0,
    ...units.left,
    size: m,
    width: blocking.rows,
    strides: { row: rowStride, step: a.view.strides[a.view.strides.length - 1] },
    matrices: matrices(0),
  };
  const right: Side = {
    operand: 1,
    ...units.right,
    size: n,
    width: blocking.columns,
    strides: { row: bColumn, step: bStep },
    matrices: matrices(1),
  };
  return { left, right, k, batch, depth: blocking.depth };
}

/**
 * Cuts the result into units: as large as possible, as long as there are enough of them. A unit packs its own
 * rows of a where it has all columns. It packs its own columns of b where it has all of few rows: weight
 * gradients are such products, with a b that is much larger than the cache.
 */
function unitsOf(
  m: number,
  n: number,
  count: number,
  blocking: Blocking,
): { readonly [S in 'left' | 'right']: Pick<Side, 'unit' | 'isShared'> } {
  const mostRows = MOST_PANELS * blocking.rows;
  const ownsColumns = m <= blocking.fewRows && n >= 2 * FEWEST_COLUMNS;
  let rows = ownsColumns ? roundUp(m, blocking.rows) : mostRows;
  let columns = roundUp(ownsColumns ? Math.min(n, MOST_COLUMNS) : n, blocking.columns);
  const units = (): number => count * Math.ceil(m / rows) * Math.ceil(n / columns);
  while (units() < ENOUGH_UNITS && columns > FEWEST_COLUMNS) {
    columns = roundUp(columns / 2, blocking.columns);
  }
  while (!ownsColumns && units() < ENOUGH_UNITS && rows >= 2 * FEWEST_ROWS) rows /= 2;
  return {
    left: { unit: rows, isShared: columns < n },
    right: { unit: columns, isShared: !ownsColumns },
  };
}

/** Cuts the depth of a product into rounds. The first is the longest. */
export function roundsOf({ k, depth }: Product): Round[] {
  const rounds = Math.min(MOST_ROUNDS, Math.ceil(k / (ROUND_BLOCKS * depth)));
  const steps = roundUp(k / rounds, depth);
  return Array.from({ length: Math.ceil(k / steps) }, (_, i) => ({
    from: i * steps,
    to: Math.min(k, (i + 1) * steps),
  }));
}

/** Steps of a round. */
export function depthOf({ from, to }: Round): number {
  return to - from;
}

/** Blocks of the depth in a round. */
export function blocksOfRound({ depth }: Product, round: Round): number {
  return Math.ceil(depthOf(round) / depth);
}

/** Bytes of all panels of an operand in a round. */
export function panelBytes(side: Side, round: Round): number {
  return side.matrices * depthOf(round) * stepBytes(side);
}

/** Bytes that one step of the depth takes in the panels of one matrix of an operand. */
export function stepBytes({ size, width }: Side): number {
  return 4 * roundUp(size, width);
}

function roundUp(n: number, multiple: number): number {
  return Math.ceil(n / multiple) * multiple;
}
