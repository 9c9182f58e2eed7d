// TypeScript as the JavaScript of a function's body: types go, imports become declarations, lines stay.

/** An import of some names. */
const IMPORT = /^[ \t]*import\s+(?:type\s+)?\{([^}]*)\}\s+from\s+['"]([^'"]+)['"];?/gm;

/**
 * Takes types and imports out of code. Names of a known module are read from `$modules`.
 *
 * @param modules the modules that there are
 * @throws SyntaxError if it is no TypeScript; Error if it imports another module
 */
export async function plainCode(code: string, modules: readonly string[]): Promise<string> {
  const { transform } = await import('sucrase');
  const body = code.replaceAll(IMPORT, (text: string, names: string, module: string) => {
    if (!modules.includes(module)) {
      throw new Error(`A page has no module ${module}. There are ${modules.join(', ')}.`);
    }
    const lines = '\n'.repeat(text.split('\n').length - 1);
    return `const { ${bindings(names)} } = $modules[${JSON.stringify(module)}];${lines}`;
  });
  return transform(body, { transforms: ['typescript'], disableESTransforms: true }).code;
}

/** The names of an import as those of a declaration: `a as b` is `a: b`, and types are left out. */
function bindings(names: string): string {
  return names
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '' && !name.startsWith('type '))
    .map((name) => name.replace(/\s+as\s+/, ': '))
    .join(', ');
}

/** The line, from 1, of an error of {@link plainCode}; `null` for other errors. */
export function lineOf(error: unknown): number | null {
  const place = error instanceof SyntaxError && 'loc' in error ? error.loc : null;
  return (place as { readonly line?: number } | null)?.line ?? null;
}
