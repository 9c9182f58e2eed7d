import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { cpuBackend, defaultBackend, setDefaultBackend } from '@tessera/tensor';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CHAPTERS } from '../../../packages/dit/src/cli/arguments.ts';
import { checkAnswer } from '../../../packages/dit/src/learn/check.ts';
import type { Exercise } from '../../../packages/dit/src/learn/exercise.ts';
import { answerFileText, tour } from '../../../packages/dit/src/learn/tour.ts';

const cases = tour.flatMap(({ imports, exercises }, i) =>
  exercises.map((exercise) => ({ chapter: i + 1, imports, name: exercise.name, exercise })),
);

let folder = '';
const before = defaultBackend();
beforeAll(async () => {
  // Inside of the repository, where answers find the packages.
  folder = await mkdtemp(fileURLToPath(new URL('answers-', import.meta.url)));
  setDefaultBackend(cpuBackend());
});
afterAll(async () => {
  setDefaultBackend(before);
  await rm(folder, { recursive: true });
});

/** What comes of an exercise when this is the file of answers. */
async function outcome(exercise: Exercise, file: string, code: string): Promise<unknown> {
  const path = join(folder, `${file}.mjs`);
  await writeFile(path, code);
  const answers = (await import(/* @vite-ignore */ pathToFileURL(path).href)) as Readonly<
    Record<string, unknown>
  >;
  return checkAnswer(exercise, answers[exercise.name]);
}

describe('the exercises', () => {
  it('are two to four a chapter, under names of their own', () => {
    expect(tour).toHaveLength(CHAPTERS);
    for (const { exercises } of tour) {
      expect(exercises.length).toBeGreaterThanOrEqual(2);
      expect(exercises.length).toBeLessThanOrEqual(4);
    }
    expect(new Set(cases.map(({ name }) => name)).size).toBe(cases.length);
  });

  it.each(cases)('chapter $chapter, $name: the solution passes', async (each) => {
    const { chapter, imports, name, exercise } = each;
    const code = [...imports, exercise.solution, ''].join('\n');
    expect(await outcome(exercise, `solution-${chapter}-${name}`, code)).toEqual({
      status: 'passes',
    });
  });

  it.each(cases)('chapter $chapter, $name: the stub is open', async ({ chapter, exercise }) => {
    const code = answerFileText(chapter);
    expect(await outcome(exercise, `stubs-${chapter}`, code)).toEqual({ status: 'open' });
  });

  it.each(cases)('$name is answered in one to ten lines', ({ exercise }) => {
    const lines = exercise.solution.split('\n');
    expect(lines.length).toBeLessThanOrEqual(10);
  });
});
