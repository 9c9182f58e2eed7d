import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  cellName,
  cellsOf,
  DEFAULT_GRID,
  gridOf,
  mainDesignOf,
  unitedCells,
  type Grid,
} from '../../../packages/dit/src/scale/grid.ts';

const grids: fc.Arbitrary<Grid> = fc.record({
  sizes: fc.uniqueArray(
    fc.record({ width: fc.integer({ min: 1, max: 9 }), depth: fc.integer({ min: 1, max: 4 }) }),
    { minLength: 1, maxLength: 5, selector: ({ width, depth }) => `${width}x${depth}` },
  ),
  patches: fc.uniqueArray(fc.constantFrom(1, 2, 4), { minLength: 1 }),
  designs: fc.uniqueArray(fc.constantFrom('adaln', 'adaln-zero', 'in-context', 'modern'), {
    minLength: 1,
  }),
  seeds: fc.integer({ min: 1, max: 3 }),
});

describe('the cells of a grid', () => {
  it('are all sizes and patches in one design, and the other designs in the middle', () => {
    const names = cellsOf(DEFAULT_GRID).map(cellName);
    expect(names).toHaveLength(4 * 3 + 3);
    expect(names.filter((name) => !name.startsWith('adaln-zero'))).toEqual([
      'in-context-96x3-p2-seed0',
      'cross-attention-96x3-p2-seed0',
      'adaln-96x3-p2-seed0',
    ]);
  });

  it('are each there once, in any order of the lists', () => {
    fc.assert(
      fc.property(grids, (grid) => {
        const { sizes, patches, designs, seeds } = grid;
        const names = cellsOf(grid).map(cellName);
        expect(new Set(names).size).toBe(names.length);
        expect(names.length).toBe(seeds * (sizes.length * patches.length + designs.length - 1));
        const turned = { ...grid, sizes: sizes.toReversed(), patches: patches.toReversed() };
        expect(cellsOf(turned).map(cellName)).toEqual(names);
      }),
    );
  });

  it('say what they compare', () => {
    fc.assert(
      fc.property(grids, (grid) => {
        const cells = cellsOf(grid);
        const found = cellsOf({ ...gridOf(cells), designs: grid.designs });
        expect(unitedCells(cells, found)).toEqual(cells);
        // One model of each design says nothing about which design has all sizes.
        if (grid.sizes.length * grid.patches.length > 1) {
          expect(cells[0].design).toBe(mainDesignOf(cells));
        }
      }),
    );
  });
});
