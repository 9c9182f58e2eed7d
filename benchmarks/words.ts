// Chooses work by words of the command line.

import { InvalidArgumentError } from 'commander';

interface Named {
  readonly name: string;
}

/** The works whose name holds one of the words; without any, all. */
export function chooseByWords<W extends Named>(
  works: readonly W[],
  words: readonly string[],
): readonly W[] {
  if (words.length === 0) return works;
  return works.filter(({ name }) => words.some((word) => name.includes(word)));
}

/** Reads one more of these words, which must choose something. */
export function parseWord(
  works: () => readonly Named[],
): (word: string, before?: readonly string[]) => readonly string[] {
  return (word, before = []) => {
    if (chooseByWords(works(), [word]).length > 0) return [...before, word];
    const names = works().map(({ name }) => name);
    throw new InvalidArgumentError(
      `No work has it in its name. Expected parts of: ${names.join('; ')}.`,
    );
  };
}
