import { TesseraError } from '@tessera/tensor';

/** A public function with arguments that it takes. */
export interface Row {
  readonly name: string;
  readonly call: (...args: never) => unknown;
  readonly args: readonly unknown[];
}

/** Values of every kind that JavaScript callers pass by mistake. */
export const WRONG: readonly unknown[] = [
  null,
  'text',
  -3.5,
  NaN,
  true,
  7n,
  [],
  ['a', null],
  [[1, 2], [3]],
  {},
  { unknown: 1 },
  () => 1,
  new Map(),
  new Date(0),
];

/** The ways to spoil the arguments of a row: one of them replaced, or left out with all behind it. */
export function misuses({ args }: Row): readonly (readonly unknown[])[] {
  return args.flatMap((_, i) => [args.slice(0, i), ...WRONG.map((value) => args.with(i, value))]);
}

/** What a call threw that is no error of Tessera's, or `null`: it may accept what it was given, or refuse it. */
export async function accident({ call }: Row, args: readonly unknown[]): Promise<unknown> {
  try {
    await (call as (...given: readonly unknown[]) => unknown)(...args);
    return null;
  } catch (thrown) {
    return thrown instanceof TesseraError ? null : thrown;
  }
}
