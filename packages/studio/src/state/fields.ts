// The fields of a room's state: how a value stands in the address, and what is a value at all.

/** A value in the address of the page. */
export interface Field<Value> {
  readonly initial: Value;
  /** The value of a text; `undefined` if it is none. */
  read(text: string): Value | undefined;
  write(value: Value): string;
}

/** Fields by name. */
export type Fields = Readonly<Record<string, Field<unknown>>>;

/** The values of fields. */
export type ValuesOf<Of extends Fields> = {
  -readonly [Name in keyof Of]: Of[Name] extends { readonly initial: infer Value } ? Value : never;
};

/** A whole number in a range. */
export function wholeField(initial: number, least: number, most: number): Field<number> {
  return { ...numberField(initial, least, most), read: (text) => within(text, least, most, true) };
}

/** A number in a range. */
export function numberField(initial: number, least: number, most: number): Field<number> {
  return { initial, read: (text) => within(text, least, most, false), write: String };
}

/** A text. */
export function textField(initial = ''): Field<string> {
  return { initial, read: (text) => text, write: (text) => text };
}

/** One of some names. */
export function choiceField<Choice extends string>(
  initial: NoInfer<Choice>,
  choices: readonly Choice[],
): Field<Choice> {
  return {
    initial,
    read: (text) => choices.find((choice) => choice === text),
    write: (choice) => choice,
  };
}

function within(text: string, least: number, most: number, isWhole: boolean): number | undefined {
  const value = text.trim() === '' ? NaN : Number(text);
  const fits = value >= least && value <= most && (!isWhole || Number.isInteger(value));
  return fits ? value : undefined;
}
