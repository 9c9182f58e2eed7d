import { TesseraError } from '@tessera/tensor';

/** A public function, constructor or method with arguments that it takes. */
export interface Row {
  readonly name: string;
  readonly call: (...args: readonly unknown[]) => unknown;
  readonly args: readonly unknown[];
  /** Whether the last argument is a record that may have more fields than are read. */
  readonly takesMore?: boolean;
}

/** Values of every kind that JavaScript callers pass by mistake. */
const WRONG: readonly unknown[] = [
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

/** Rows of the exports of a module: functions are called, classes constructed. */
export function rowsOf(
  module: Readonly<Record<string, unknown>>,
  table: Readonly<Record<string, readonly unknown[]>>,
): readonly Row[] {
  return Object.entries(table).map(([name, args]) => ({ name, call: callOf(module[name]), args }));
}

/** Rows of the methods of an object. */
export function methodsOf(
  name: string,
  object: object,
  table: Readonly<Record<string, readonly unknown[]>>,
): readonly Row[] {
  return Object.entries(table).map(([method, args]) => ({
    name: `${name}.${method}`,
    call: (...given): unknown =>
      Reflect.apply(Reflect.get(object, method) as () => unknown, object, given) as unknown,
    args,
  }));
}

function callOf(value: unknown): Row['call'] {
  const f = value as () => unknown;
  return isClass(f)
    ? (...args): unknown => Reflect.construct(f, args) as unknown
    : (...args): unknown => Reflect.apply(f, undefined, args) as unknown;
}

function isClass(value: unknown): boolean {
  return typeof value === 'function' && /^class\b/.test(Function.prototype.toString.call(value));
}

/** The names of a module that can be called, error classes apart: they are made by the engine. */
export function callables(module: Readonly<Record<string, unknown>>): readonly string[] {
  return Object.entries(module).flatMap(([name, value]) =>
    typeof value === 'function' && !name.endsWith('Error') ? [name] : [],
  );
}

/** The ways to spoil the arguments of a row: one of them replaced, or left out with all behind it. */
export function misuses({ args }: Row): readonly (readonly unknown[])[] {
  return args.flatMap((_, i) => [args.slice(0, i), ...WRONG.map((value) => args.with(i, value))]);
}

/** What a call threw that is no error of Tessera's; `null` if it accepted or refused what it was given. */
export async function accident({ call }: Row, args: readonly unknown[]): Promise<unknown> {
  try {
    await call(...args);
    return null;
  } catch (thrown) {
    return thrown instanceof TesseraError ? null : thrown;
  }
}

/** The arguments of a row whose last one is an object of options, with one more that no function knows; or `null`. */
export function withUnknownOption({ args, takesMore }: Row): readonly unknown[] | null {
  if (takesMore === true) return null;
  const options = args.at(-1);
  const isPlain =
    typeof options === 'object' &&
    options !== null &&
    Object.getPrototypeOf(options) === Object.prototype;
  return isPlain ? [...args.slice(0, -1), { ...options, nonsense: 1 }] : null;
}
