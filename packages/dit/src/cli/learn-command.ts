// `tessera learn`: shows the exercises of a chapter and checks a file of answers.

import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { cpuBackend, excerpt, FormatError, setDefaultBackend } from '@tessera/tensor';
import { checkAnswer, type Outcome } from '../learn/check.ts';
import { answerFileName, answerFileText, tour, wrap } from '../learn/tour.ts';
import type { LearnArguments } from './learn-options.ts';

/**
 * Lists the chapters, or writes the file of one, or checks it if it is there.
 *
 * @param print writes one line to stdout
 * @returns whether nothing failed: no file was checked, or every answer in it passes
 * @throws FormatError if the file of answers cannot be loaded
 */
export async function learnCommand(
  { chapter, file, hints = false }: LearnArguments,
  print: (line: string) => void,
): Promise<boolean> {
  if (chapter === undefined) {
    for (const line of chapterList()) print(line);
    return true;
  }
  const { title, exercises } = tour[chapter - 1];
  const name = file ?? answerFileName(chapter);
  if (!existsSync(name)) {
    await writeFile(name, answerFileText(chapter), { flag: 'wx' });
    print(`Wrote ${name}: ${exercises.length} exercises on chapter ${chapter}, ${title}.`);
    print('Answer in that file, then run the same command again.');
    return true;
  }
  // Plans are those of the chapters, and no threads are left waiting.
  setDefaultBackend(cpuBackend());
  const answers = await loadAnswers(name);
  print(`Chapter ${chapter}, ${title}: ${name}`);
  let passed = 0;
  for (const exercise of exercises) {
    const outcome = await checkAnswer(exercise, answers[exercise.name]);
    print(outcomeLine(exercise.name, outcome));
    if (outcome.status === 'passes') passed++;
    else if (hints) print(wrap(`Hint: ${exercise.hint}`, '          '));
  }
  const isDone = passed === exercises.length;
  const next =
    chapter < tour.length ? ` Next: tessera learn ${chapter + 1}` : ' It was the last chapter.';
  const help = hints ? '' : ` Hints: tessera learn ${chapter} --hints`;
  print(`${passed} of ${exercises.length} pass.${isDone ? next : help}`);
  return isDone;
}

function chapterList(): string[] {
  const rows = tour.map(
    ({ title, question, exercises }, i) =>
      `  ${i + 1}  ${title.padEnd(25)} ${exercises.length} exercises  ${question}`,
  );
  return [
    'The exercises of the tour (docs/tour), by chapter:',
    ...rows,
    'tessera learn 1 writes learn-1.mjs; run again, it checks your answers in it.',
  ];
}

function outcomeLine(name: string, outcome: Outcome): string {
  if (outcome.status !== 'fails') return `  ${outcome.status.padEnd(6)}  ${name}`;
  return `  fails   ${name}: ${excerpt(outcome.reason, Infinity)}`;
}

async function loadAnswers(name: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    return (await import(pathToFileURL(resolve(name)).href)) as Readonly<Record<string, unknown>>;
  } catch (error) {
    const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    throw new FormatError('learn', `${name} cannot be loaded: ${text}`);
  }
}
