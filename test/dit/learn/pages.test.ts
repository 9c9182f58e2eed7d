import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { exercisesMarkdown, tour } from '../../../packages/dit/src/learn/tour.ts';

const folder = fileURLToPath(new URL('../../../docs/tour/', import.meta.url));
const pages = readdirSync(folder).filter((file) => /^\d\d-/.test(file));
const chapters = pages.map((page, i) => ({ page, n: i + 1, chapter: tour[i] }));

describe('the exercises of the tour', () => {
  it('are of every chapter', () => {
    expect(tour).toHaveLength(pages.length);
  });

  it.each(chapters)('stand in $page as `tessera learn $n` has them', ({ page, n, chapter }) => {
    const text = readFileSync(folder + page, 'utf8');
    const [, rest] = text.split(/^(?=## Exercises$)/m);
    expect(rest.startsWith(`${exercisesMarkdown(n)}\n`)).toBe(true);
    expect(text.startsWith(`# ${n} · ${chapter.title}\n`)).toBe(true);
  });

  it.each(chapters)(
    'ask the question that the index asks of chapter $n',
    ({ n, page, chapter }) => {
      const index = readFileSync(`${folder}README.md`, 'utf8');
      const row = index.split('\n').find((line) => line.includes(`(${page})`));
      expect(row?.split('|').map((cell) => cell.trim())).toEqual([
        '',
        `[${n} · ${chapter.title}](${page})`,
        chapter.question,
        '',
      ]);
    },
  );
});
