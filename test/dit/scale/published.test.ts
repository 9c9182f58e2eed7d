/** The page about one study says what the study has found. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { documentOf } from '../../../packages/dit/src/scale/document.ts';
import type { CellRecord, Marks } from '../../../packages/dit/src/scale/folder.ts';
import { parsePlan } from '../../../packages/dit/src/scale/recipe.ts';
import { resultsOf } from '../../../packages/dit/src/scale/results.ts';

const root = new URL('../../../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8');

it('docs/scaling-on-a-laptop.md has the tables and the laws of benchmarks/results/scale.json', () => {
  const kept = JSON.parse(read('benchmarks/results/scale.json')) as {
    readonly plan: unknown;
    readonly cells: readonly CellRecord[];
    readonly marks: Marks;
  };
  const results = resultsOf(parsePlan(kept.plan, 'scale.json'), kept.cells, kept.marks);
  const plain = (text: string): string => text.replaceAll(/[\s\\]+/g, ' ');
  const page = plain(read('docs/scaling-on-a-laptop.md'));
  for (const part of documentOf(results, [])) {
    if (part.kind === 'paragraph') expect(page).toContain(plain(part.text));
    if (part.kind !== 'table') continue;
    for (const row of part.rows) expect(page).toContain(plain(`| ${row.join(' | ')} |`));
  }
});
