// The words of a prompt that a click can choose, out of those that a model knows.

/** A group of words of which a prompt has at most one. */
export interface WordGroup {
  readonly name: string;
  /** As they stand in a prompt. */
  readonly words: readonly string[];
}

const DIGITS = 'zero one two three four five six seven eight nine'.split(' ');

const GROUPS: readonly WordGroup[] = [
  { name: 'Digit', words: DIGITS },
  { name: 'Stroke', words: ['thin', 'thick'] },
  { name: 'Lean', words: ['leaning left', 'upright', 'leaning right'] },
];

/** The groups of words that a model knows. */
export function groupsOf(vocabulary: readonly string[]): readonly WordGroup[] {
  return GROUPS.map(({ name, words }) => {
    const known = words.filter((word) =>
      word.split(' ').every((part) => vocabulary.includes(part)),
    );
    return { name, words: known };
  }).filter(({ words }) => words.length > 0);
}

/** The word of a group that a prompt has; `null` if it has none. */
export function wordOf({ words }: WordGroup, prompt: string): string | null {
  const parts = ` ${prompt.toLowerCase().split(/\s+/).join(' ')} `;
  return words.find((word) => parts.includes(` ${word} `)) ?? null;
}

/** The prompt with another word of a group, in the order of the captions: “a thick seven leaning right”. */
export function withWord(
  groups: readonly WordGroup[],
  prompt: string,
  group: WordGroup,
  word: string | null,
): string {
  const chosen = (name: string): string[] => {
    const own = groups.find((each) => each.name === name);
    const found = own === group ? word : own === undefined ? null : wordOf(own, prompt);
    return found === null ? [] : [found];
  };
  return ['a', ...chosen('Stroke'), ...chosen('Digit'), ...chosen('Lean')].join(' ');
}
