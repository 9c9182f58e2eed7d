// Where two configurations differ.

/** The path of the first field in which two configurations differ; `undefined` if they are the same. */
export function oddField(a: unknown, b: unknown, path = ''): string | undefined {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) {
    return a === b ? undefined : path;
  }
  const names = new Set([...Object.keys(a), ...Object.keys(b)]);
  for (const name of names) {
    const inner = path === '' ? name : `${path}.${name}`;
    const odd = oddField(Reflect.get(a, name), Reflect.get(b, name), inner);
    if (odd !== undefined) return odd;
  }
  return undefined;
}
