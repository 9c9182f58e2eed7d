// Shows what came from a file in an error: short, and harmless to a terminal.

/** An error shows no more characters of a file than this. */
const LONGEST = 60;

/** Replaces control and format characters, such as those that clear a terminal, by their codes. */
export function escapeControls(text: string): string {
  return text.replaceAll(
    /[\p{C}\u2028\u2029]/gu,
    (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`,
  );
}

/** The beginning of a text, escaped. */
export function excerpt(text: string, longest: number = LONGEST): string {
  return escapeControls(text.length <= longest ? text : `${text.slice(0, longest - 3)}…`);
}

/** A value of a JSON file in a few words; what is inside lists and objects is not looked at. */
export function describeValue(value: unknown): string {
  if (typeof value === 'string') return excerpt(JSON.stringify(value.slice(0, LONGEST + 1)));
  if (Array.isArray(value)) return value.length === 0 ? '[]' : `a list of ${value.length}`;
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}
