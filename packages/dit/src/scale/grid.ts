// The models of a scaling study: sizes, patches and designs, the cells they make, and the part of a shard.

import { DEFAULT_DESIGN, type Design } from '../config/choices.ts';

/** The size of a model, whatever its patches. */
export interface Size {
  /** Numbers of a token. */
  readonly width: number;
  /** Number of blocks. */
  readonly depth: number;
}

/** One training of the study. */
export interface Cell extends Size {
  readonly design: Design;
  /** Side of a patch of the latent. */
  readonly patch: number;
  readonly seed: number;
}

/** What a study compares. */
export interface Grid {
  readonly sizes: readonly Size[];
  readonly patches: readonly number[];
  readonly designs: readonly Design[];
  /** Trainings of each model, with the seeds 0, 1, … */
  readonly seeds: number;
}

/** The sizes, patches and designs that a laptop can train in half an hour. */
export const DEFAULT_GRID: Grid = {
  sizes: [
    { width: 32, depth: 2 },
    { width: 64, depth: 3 },
    { width: 96, depth: 3 },
    { width: 128, depth: 4 },
  ],
  patches: [1, 2, 4],
  designs: ['in-context', 'cross-attention', 'adaln', 'adaln-zero'],
  seeds: 1,
};

/** The design of the models of all sizes: adaLN-Zero if it is among them, else the first. */
function mainDesign(designs: readonly Design[]): Design {
  return designs.includes(DEFAULT_DESIGN) ? DEFAULT_DESIGN : designs[0];
}

/** The design that has models of the most sizes, which is the one of all sizes. */
export function mainDesignOf(cells: readonly Cell[]): Design {
  const designs = cells.map(({ design }) => design);
  const counts = new Map<Design, number>();
  for (const design of designs) counts.set(design, (counts.get(design) ?? 0) + 1);
  const most = Math.max(...counts.values());
  return mainDesign(designs.filter((design) => counts.get(design) === most));
}

/** The middle of a list; of two in the middle, the later one. */
function middle<T>(list: readonly T[]): T {
  return list[Math.floor(list.length / 2)];
}

/**
 * The trainings of a study. One design has every size with every patch size; the others have the middle size with the
 * middle patch size, as in the paper all designs are compared at one size.
 */
export function cellsOf(grid: Grid): readonly Cell[] {
  const { designs, seeds } = grid;
  const sizes = grid.sizes.toSorted((a, b) => a.width - b.width || a.depth - b.depth);
  const patches = grid.patches.toSorted((a, b) => a - b);
  const main = mainDesign(designs);
  const scaled = sizes.flatMap((size) =>
    patches.map((patch) => ({ design: main, ...size, patch })),
  );
  const compared = designs
    .filter((design) => design !== main)
    .map((design) => ({ design, ...middle(sizes), patch: middle(patches) }));
  return Array.from({ length: seeds }, (_, seed) =>
    [...scaled, ...compared].map((model) => ({ ...model, seed })),
  ).flat();
}

/** What a list of cells compares: {@link cellsOf} makes these cells of it, and perhaps more. */
export function gridOf(cells: readonly Cell[]): Grid {
  const sizes = new Map(cells.map(({ width, depth }) => [`${width}×${depth}`, { width, depth }]));
  return {
    sizes: [...sizes.values()],
    patches: [...new Set(cells.map(({ patch }) => patch))],
    designs: [...new Set(cells.map(({ design }) => design))],
    seeds: 1 + Math.max(...cells.map(({ seed }) => seed)),
  };
}

/** The name of a size with its patch, in the manner of the paper's S/2: width × depth / patch. */
export function sizeName({ width, depth, patch }: Omit<Cell, 'design' | 'seed'>): string {
  return `${width}×${depth}/${patch}`;
}

/** The name of a model, whatever its seed. */
export function modelName(cell: Omit<Cell, 'seed'>): string {
  return `${cell.design} ${sizeName(cell)}`;
}

/** The name of a cell's files. */
export function cellName({ design, width, depth, patch, seed }: Cell): string {
  return `${design}-${width}x${depth}-p${patch}-seed${seed}`;
}

/** Some cells with those of another list that are not among them. */
export function unitedCells(some: readonly Cell[], others: readonly Cell[]): readonly Cell[] {
  const known = new Set(some.map(cellName));
  return [...some, ...others.filter((cell) => !known.has(cellName(cell)))];
}
