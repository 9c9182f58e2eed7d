import ts from 'typescript';

/** One import, re-export or `import()` of a module. */
export interface Import {
  readonly specifier: string;
  readonly line: number;
  /** Whether the whole statement is erased by the compiler. `import { type A }` is not: it still runs the module. */
  readonly typeOnly: boolean;
  /** Whether it is an `import()`, which loads nothing before it runs. */
  readonly isDynamic: boolean;
  /** The file of this project that the specifier names, or `null` for other packages and Node. */
  readonly target: string | null;
}

/** A parsed source file; paths are relative to the root of the repository, with `/`. */
export interface SourceModule {
  readonly path: string;
  readonly text: string;
  readonly tree: ts.SourceFile;
  readonly imports: readonly Import[];
}

/** The fields of a package.json that the rules read. */
export interface Manifest {
  readonly name: string;
  /** Sources by the condition `tessera-source`; files that are no sources by their path alone. */
  readonly exports?: { readonly [entry: string]: string | { readonly 'tessera-source': string } };
  readonly dependencies?: { readonly [name: string]: string };
  readonly peerDependencies?: { readonly [name: string]: string };
}

/** A workspace package. */
export interface WorkspacePackage {
  /** `packages/tensor`. */
  readonly folder: string;
  readonly manifest: Manifest;
}

/** The sources of the repository, or of a made-up one. */
export interface Project {
  readonly modules: readonly SourceModule[];
  readonly packages: readonly WorkspacePackage[];
}

/**
 * Parses every file of a repository.
 *
 * @param files the text of each source file by path
 * @param packages the workspace packages, which say what a bare specifier means
 */
export function parseProject(
  files: ReadonlyMap<string, string>,
  packages: readonly WorkspacePackage[],
): Project {
  const modules = [...files].map(([path, text]) => {
    const tree = ts.createSourceFile(path, codeOf(path, text), ts.ScriptTarget.Latest, true);
    const imports = readImports(tree).map((found) => {
      return { ...found, target: resolveImport(path, found.specifier, files, packages) };
    });
    return { path, text, tree, imports };
  });
  return { modules, packages };
}

/** The code of a file: all of it, or the script of a component of Svelte, on the lines where it stands there. */
function codeOf(path: string, text: string): string {
  if (!path.endsWith('.svelte')) return text;
  const [, before, code] = /^([\s\S]*?<script[^>]*>)([\s\S]*?)<\/script>/.exec(text) ?? [
    '',
    '',
    '',
  ];
  return before.replaceAll(/[^\n]/g, '') + code;
}

/** Calls `visit` with every node of the file. */
export function visitNodes(tree: ts.SourceFile, visit: (node: ts.Node) => void): void {
  const descend = (node: ts.Node): void => {
    visit(node);
    ts.forEachChild(node, descend);
  };
  descend(tree);
}

/**
 * The sentence with which a file says what it is: its first line, or the line after `#!`, if that is a
 * comment `// Sentence.`, or `<!-- Sentence. -->` in a component; `null` if there is none.
 */
export function headerOf(text: string): string | null {
  const [, code, markup] = /^(?:#!.*\n)?(?:\/\/ (\S.*)|<!-- (\S.*) -->)/.exec(text) ?? [];
  return code ?? markup ?? null;
}

/** The line of a node, counted from 1. */
export function lineOf(tree: ts.SourceFile, node: ts.Node): number {
  return tree.getLineAndCharacterOfPosition(node.getStart(tree)).line + 1;
}

/** The package that a file belongs to, or `null` for tests, benchmarks, examples and scripts. */
export function packageOf(project: Project, path: string): WorkspacePackage | null {
  return project.packages.find(({ folder }) => path.startsWith(`${folder}/`)) ?? null;
}

function readImports(tree: ts.SourceFile): Omit<Import, 'target'>[] {
  const found: Omit<Import, 'target'>[] = [];
  const add = (
    node: ts.Node,
    specifier: ts.Node | undefined,
    typeOnly: boolean,
    isDynamic = false,
  ): void => {
    if (specifier === undefined || !ts.isStringLiteralLike(specifier)) return;
    found.push({ specifier: specifier.text, line: lineOf(tree, node), typeOnly, isDynamic });
  };
  visitNodes(tree, (node) => {
    if (ts.isImportDeclaration(node)) {
      add(
        node,
        node.moduleSpecifier,
        node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword,
      );
    } else if (ts.isExportDeclaration(node)) {
      add(node, node.moduleSpecifier, node.isTypeOnly);
    } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
      add(node, node.argument.literal, true);
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      add(node, node.arguments[0], false, true);
    }
  });
  return found;
}

function resolveImport(
  from: string,
  specifier: string,
  files: ReadonlyMap<string, string>,
  packages: readonly WorkspacePackage[],
): string | null {
  if (specifier.startsWith('.')) {
    const path = joinPath(from, specifier);
    return files.has(path) ? path : null;
  }
  for (const { folder, manifest } of packages) {
    for (const [entry, conditions] of Object.entries(manifest.exports ?? {})) {
      if (typeof conditions !== 'string' && specifier === manifest.name + entry.slice(1)) {
        return joinPath(`${folder}/package.json`, conditions['tessera-source']);
      }
    }
  }
  return null;
}

/** What a relative specifier names: `a/b/c.ts` and `../d.ts` give `a/d.ts`. */
export function joinPath(from: string, specifier: string): string {
  const parts = from.split('/').slice(0, -1);
  for (const part of specifier.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '.') parts.push(part);
  }
  return parts.join('/');
}
