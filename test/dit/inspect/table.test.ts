import { expect, test } from 'vitest';
import { tableLines } from '../../../packages/dit/src/inspect/table.ts';

test('a table aligns texts left and numbers right', () => {
  const lines = tableLines(
    ['name', 'count'],
    [
      ['a', 1_234_567],
      ['longer', 5],
    ],
  );
  expect(lines).toEqual(['name        count', 'a       1,234,567', 'longer          5']);
});
