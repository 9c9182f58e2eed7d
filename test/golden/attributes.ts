/** The attributes of a case, read by name with a check of their type. */
export class Attributes {
  readonly values: Readonly<Record<string, unknown>>;

  constructor(values: Readonly<Record<string, unknown>>) {
    this.values = values;
  }

  /** Whether there is an attribute of that name. */
  has(name: string): boolean {
    return this.values[name] !== undefined && this.values[name] !== null;
  }

  /** A number. */
  number(name: string): number {
    const value = this.values[name];
    return typeof value === 'number' ? value : this.#refuse(name, 'a number');
  }

  /** A number, or `null` where there is none. */
  optionalNumber(name: string): number | null {
    return this.has(name) ? this.number(name) : null;
  }

  /** A truth value, false where there is none. */
  optionalBoolean(name: string): boolean {
    return this.has(name) && this.boolean(name);
  }

  /** A truth value. */
  boolean(name: string): boolean {
    const value = this.values[name];
    return typeof value === 'boolean' ? value : this.#refuse(name, 'true or false');
  }

  /** A text. */
  text(name: string): string {
    const value = this.values[name];
    return typeof value === 'string' ? value : this.#refuse(name, 'a text');
  }

  /** A list of numbers. */
  numbers(name: string): readonly number[] {
    const value = this.values[name];
    return isNumbers(value) ? value : this.#refuse(name, 'a list of numbers');
  }

  /** `[vertical, horizontal]`. */
  pair(name: string): readonly [number, number] {
    const [first, second, ...rest] = this.numbers(name);
    return second === undefined || rest.length > 0 ? this.#refuse(name, 'a pair') : [first, second];
  }

  /** A list of pairs of numbers. */
  pairs(name: string): readonly (readonly [number, number])[] {
    const value = this.values[name];
    const isPairs = Array.isArray(value) && value.every((x) => isNumbers(x) && x.length === 2);
    return isPairs ? (value as [number, number][]) : this.#refuse(name, 'a list of pairs');
  }

  /** One axis, several, or `null` for all. */
  axes(name: string): number | readonly number[] | null {
    const value = this.values[name];
    if (value === null || typeof value === 'number' || isNumbers(value)) return value;
    return this.#refuse(name, 'an axis, a list of axes or null');
  }

  /** Slices `[start, stop, step]` with `null` for defaults. */
  slices(name: string): readonly (readonly (number | null)[] | null)[] {
    const value = this.values[name];
    const isSlice = (x: unknown): boolean =>
      x === null || (Array.isArray(x) && x.every((n) => n === null || typeof n === 'number'));
    return Array.isArray(value) && value.every(isSlice)
      ? (value as (number[] | null)[])
      : this.#refuse(name, 'a list of slices');
  }

  #refuse(name: string, expected: string): never {
    throw new Error(
      `attribute "${name}" must be ${expected}, but is ${JSON.stringify(this.values[name])}`,
    );
  }
}

function isNumbers(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((x) => typeof x === 'number');
}
