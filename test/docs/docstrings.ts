import { readdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** The public entries, those first whose names win where two entries share one, unless a file of the example's folder or of one around it does. */
export const ENTRIES = {
  '@tessera/tensor': 'packages/tensor/src/index.ts',
  '@tessera/tensor/extend': 'packages/tensor/src/extend.ts',
  '@tessera/tensor/linalg': 'packages/tensor/src/linalg.ts',
  '@tessera/tensor/testing': 'packages/tensor/src/testing/index.ts',
  '@tessera/autograd': 'packages/autograd/src/index.ts',
  '@tessera/autograd/nn': 'packages/autograd/src/nn/index.ts',
  '@tessera/autograd/optim': 'packages/autograd/src/optim/index.ts',
  '@tessera/autograd/debug': 'packages/autograd/src/debug/index.ts',
  '@tessera/autograd/testing': 'packages/autograd/src/testing/index.ts',
  '@tessera/onnx': 'packages/onnx/src/index.ts',
  '@tessera/dit': 'packages/dit/src/index.ts',
  '@tessera/dit/node': 'packages/dit/src/node.ts',
} as const;

/** The name of a public entry. */
export type Entry = keyof typeof ENTRIES;

/** One `@example` block. */
export interface Example {
  /** `file:line` from the root of the repository. */
  readonly place: string;
  /** Its code, without the fence around it if there is one. */
  readonly code: string;
  /**
   * The names that it uses and does not declare, by the module that they come from: a public entry,
   * or the path of its own file for what is not public.
   */
  readonly imports: ReadonlyMap<string, readonly string[]>;
}

/** What the docstrings of the packages show and what they leave out. */
export interface Docstrings {
  readonly examples: readonly Example[];
  /** Public functions, classes and constants without an example: `entry: name`. */
  readonly missing: readonly string[];
}

const { options } = ts.parseJsonConfigFileContent(
  ts.readConfigFile(`${root}tsconfig.test.json`, (path) => ts.sys.readFile(path)).config,
  ts.sys,
  root,
);

/** Collects the examples in the sources of the packages, and the public values that have none. */
export function readDocstrings(): Docstrings {
  const entryFiles = Object.values(ENTRIES).map((file) => root + file);
  const program = ts.createProgram([...entryFiles, ...sourceFiles()], options);
  const checker = program.getTypeChecker();
  const owners = new Map<string, { entry: Entry; file: string }[]>();
  const missing: string[] = [];
  for (const [entry, file] of Object.entries(ENTRIES) as [Entry, string][]) {
    const source = program.getSourceFile(root + file);
    const module = source && checker.getSymbolAtLocation(source);
    if (module === undefined) throw new Error(`${file} exports nothing`);
    for (const name of checker.getExportsOfModule(module)) {
      const symbol = name.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(name) : name;
      const declarations = symbol.declarations ?? [];
      const home = declarations[0].getSourceFile().fileName;
      owners.set(name.name, [...(owners.get(name.name) ?? []), { entry, file: home }]);
      const isValue = (symbol.flags & ts.SymbolFlags.Value) !== 0;
      if (isValue && !declarations.some((node) => examplesOf(node).length > 0)) {
        missing.push(`${entry}: ${name.name}`);
      }
    }
  }
  const examples = program
    .getSourceFiles()
    .filter(({ fileName }) => /\/packages\/\w+\/src\//.test(fileName))
    .flatMap((source) => {
      const module = checker.getSymbolAtLocation(source);
      const exported = module === undefined ? [] : checker.getExportsOfModule(module);
      return examplesIn(source, owners, new Set(exported.map(({ name }) => name)));
    });
  return { examples, missing: [...new Set(missing)] };
}

/** The problems that the compiler finds in examples, each with the place of its docstring. */
export function typeErrors(examples: readonly Example[]): string[] {
  const texts = new Map(
    examples.map((example, i): [name: string, text: string] => [
      `${root}test/docs/example-${i}.ts`,
      moduleOf(example),
    ]),
  );
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists, readFile } = host;
  host.fileExists = (name) => texts.has(name) || fileExists.call(host, name);
  host.readFile = (name) => texts.get(name) ?? readFile.call(host, name);
  host.getSourceFile = (name, languageVersion, ...rest) => {
    const text = texts.get(name);
    return text === undefined
      ? getSourceFile.call(host, name, languageVersion, ...rest)
      : ts.createSourceFile(name, text, languageVersion, true);
  };
  const program = ts.createProgram(
    [...texts.keys()],
    { ...options, noUnusedLocals: false, verbatimModuleSyntax: false, incremental: false },
    host,
  );
  return [...texts.keys()].flatMap((name, i) => {
    const source = program.getSourceFile(name);
    return [
      ...program.getSyntacticDiagnostics(source),
      ...program.getSemanticDiagnostics(source),
    ].map(
      ({ messageText }) =>
        `${examples[i].place}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`,
    );
  });
}

function moduleOf({ code, imports }: Example): string {
  const lines = [...imports].map(([module, names]) =>
    names[0] === 'fc'
      ? `import fc from '${module}';`
      : `import { ${names.join(', ')} } from '${module}';`,
  );
  return [...lines, code, 'export {};', ''].join('\n');
}

function sourceFiles(): string[] {
  return ['tensor', 'autograd', 'dit'].flatMap((name) => {
    const folder = `${root}packages/${name}/src/`;
    return readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .map((file) => folder + file);
  });
}

/** The `@example` tags of a declaration (of the statement around it, for a constant). */
function examplesOf(node: ts.Node): readonly ts.JSDocTag[] {
  return ts.getJSDocTags(node).filter((tag) => tag.tagName.text === 'example');
}

function examplesIn(
  source: ts.SourceFile,
  owners: ReadonlyMap<string, readonly { entry: Entry; file: string }[]>,
  exported: ReadonlySet<string>,
): Example[] {
  const tags = new Set<ts.JSDocTag>();
  const visit = (node: ts.Node): void => {
    for (const tag of examplesOf(node)) tags.add(tag);
    ts.forEachChild(node, visit);
  };
  visit(source);
  return [...tags].map((tag) => {
    const code = codeOf(tag);
    const { line } = source.getLineAndCharacterOfPosition(tag.pos);
    const imports = new Map<string, string[]>();
    for (const name of freeNames(code)) {
      const candidates = owners.get(name) ?? [];
      const own =
        candidates.find(({ file }) => file === source.fileName) ??
        candidates.find(({ file }) => source.fileName.startsWith(`${dirname(file)}/`));
      const module =
        own?.entry ??
        (exported.has(name) ? source.fileName : candidates[0]?.entry) ??
        (name === 'fc' ? 'fast-check' : undefined);
      if (module !== undefined) imports.set(module, [...(imports.get(module) ?? []), name]);
    }
    return { place: `${source.fileName.slice(root.length)}:${line + 1}`, code, imports };
  });
}

/** The text of a tag without the comment's asterisks and without a fence. */
function codeOf(tag: ts.JSDocTag): string {
  const text = tag
    .getSourceFile()
    .text.slice(tag.tagName.end, tag.end)
    .split('\n')
    .map((line, i) => (i === 0 ? line : line.replace(/^\s*\* ?/, '')))
    .join('\n')
    .trim();
  return /^```ts\n([\s\S]*?)\n?```$/.exec(text)?.[1] ?? text;
}

/** The names that code uses and does not declare. */
function freeNames(code: string): Set<string> {
  const used = new Set<string>();
  const declared = new Set<string>();
  const visit = (node: ts.Node, parent: ts.Node): void => {
    if (ts.isIdentifier(node)) {
      const declares =
        (ts.isVariableDeclaration(parent) ||
          ts.isParameter(parent) ||
          ts.isFunctionDeclaration(parent) ||
          ts.isClassDeclaration(parent) ||
          ts.isInterfaceDeclaration(parent) ||
          ts.isTypeAliasDeclaration(parent) ||
          ts.isBindingElement(parent)) &&
        parent.name === node;
      const isMember =
        (ts.isPropertyAccessExpression(parent) && parent.name === node) ||
        (ts.isPropertyAssignment(parent) && parent.name === node) ||
        (ts.isPropertyDeclaration(parent) && parent.name === node) ||
        (ts.isPropertySignature(parent) && parent.name === node) ||
        (ts.isMethodDeclaration(parent) && parent.name === node) ||
        (ts.isBindingElement(parent) && parent.propertyName === node);
      if (declares) declared.add(node.text);
      else if (!isMember) used.add(node.text);
    }
    ts.forEachChild(node, (child) => visit(child, node));
  };
  const source = ts.createSourceFile('example.ts', code, ts.ScriptTarget.ES2023, true);
  ts.forEachChild(source, (child) => visit(child, source));
  return new Set([...used].filter((name) => !declared.has(name)));
}
