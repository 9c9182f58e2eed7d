import ts from 'typescript';
import { boundaries, layers, roomTables, type Layer } from './layers.ts';
import {
  headerOf,
  joinPath,
  lineOf,
  packageOf,
  visitNodes,
  type Import,
  type Project,
  type SourceModule,
  type WorkspacePackage,
} from './project.ts';

/** A rule of the house: it lists what breaks it, one text a place. */
export interface Rule {
  readonly name: string;
  readonly reason: string;
  readonly check: (project: Project) => readonly string[];
}

/** Lines of a file that can still be read in one sitting. */
export const MAX_LINES = 450;

/** Source files of a folder, without those of its folders, that can still be taken in at a glance. */
export const MAX_FILES = 15;

/** Columns of a header line: it is read at a glance, and fits on the page that lists all files. */
export const MAX_HEADER = 110;

/** Places whose files say in their first line what they are; tests are named after what they test. */
const SIGNED = /^(?:packages\/[^/]+\/(?:src|bin|threads)|scripts|examples|benchmarks)\//;

/**
 * All rules.
 *
 * @param operations the names of primitives and composites, which shared passes must not mention
 */
export function houseRules(operations: ReadonlySet<string>): readonly Rule[] {
  return [
    {
      name: 'imports resolve',
      reason: 'a relative import names a file, with its extension',
      check: ({ modules }) =>
        eachImport(modules, (module, { specifier, target }) =>
          specifier.startsWith('.') && target === null && !isBuilt(module, specifier)
            ? `no file ${specifier}`
            : null,
        ),
    },
    {
      name: 'no import cycle',
      reason: 'a cycle has no first file to read, and its load order is luck',
      check: importCycles,
    },
    {
      name: 'layers',
      reason: 'every file stands on files that are simpler than itself',
      check: (project) => project.modules.flatMap((module) => layerViolations(project, module)),
    },
    {
      name: 'rooms',
      reason: 'the folders of a folder stand in the order in which work passes them',
      check: ({ modules }) =>
        eachImport(modules, (module, { target }) => roomViolation(module.path, target)),
    },
    {
      name: 'folder size',
      reason: 'a folder is taken in at a glance',
      check: ({ modules }) => crowdedFolders(modules.map(({ path }) => path)),
    },
    {
      name: 'package boundaries',
      reason: 'packages meet at their public entries',
      check: (project) =>
        eachImport(project.modules, (module, found) => boundaryViolation(project, module, found)),
    },
    {
      name: 'no export *',
      reason: 'an entry lists its names, so that a reader can search for them',
      check: ({ modules }) =>
        eachNode(modules, (node) =>
          ts.isExportDeclaration(node) && node.exportClause === undefined ? 'export *' : null,
        ),
    },
    {
      name: 'private members',
      reason:
        "a private member is JavaScript's own (#): no user reaches it, and bundles shorten its name",
      check: ({ modules }) =>
        eachNode(modules, (node) =>
          node.kind === ts.SyntaxKind.PrivateKeyword && !ts.isConstructorDeclaration(node.parent)
            ? 'private'
            : null,
        ),
    },
    {
      name: 'modules are trees',
      reason: 'trees make modules without their constructors, so they lack members with a #',
      check: ({ modules }) =>
        eachNode(modules, (node) => {
          if (!ts.isClassDeclaration(node) || !/^(?:Module|Block)$/.test(baseOf(node))) return null;
          const own = node.members.find(({ name }) => name && ts.isPrivateIdentifier(name));
          return own?.name === undefined ? null : own.name.getText();
        }),
    },
    {
      name: 'file names',
      reason: 'a kebab-case noun says what the file is about; utils, helpers and common do not',
      check: ({ modules }) => modules.flatMap(({ path }) => nameViolations(path)),
    },
    {
      name: 'header line',
      reason: 'the first line of a file tells a newcomer what is inside',
      check: ({ modules }) =>
        modules
          .filter(({ path }) => SIGNED.test(path))
          .flatMap(({ path, text }) => headerViolations(path, headerOf(text))),
    },
    {
      name: 'file length',
      reason: 'a file is read in one sitting; its header line does not count',
      check: ({ modules }) =>
        modules.flatMap(({ path, text }) => {
          const lines = text.trimEnd().split('\n').length - (headerOf(text) === null ? 0 : 1);
          return lines > MAX_LINES ? [`${path}: ${lines} lines, more than ${MAX_LINES}`] : [];
        }),
    },
    {
      name: 'docstrings',
      reason: 'every export says in a sentence what it is',
      check: (project) =>
        project.modules
          .filter(({ path }) => packageOf(project, path) !== null)
          .flatMap((module) => undocumentedExports(module)),
    },
    {
      name: 'no silenced tools',
      reason: 'a complaint of the compiler or the linter is answered in the code',
      check: ({ modules }) =>
        modules.flatMap(({ path, text }) =>
          text.split('\n').flatMap((line, i) => {
            const silencer = /(?:es|ox)lint-disable|@ts-(?:ignore|expect-error|nocheck)/.exec(line);
            return silencer === null ? [] : [`${path}:${i + 1}: ${silencer[0]}`];
          }),
        ),
    },
    {
      name: 'passes read traits',
      reason: 'a new operation must not need a change in the compiler',
      check: ({ modules }) =>
        eachNode(
          modules.filter(({ path }) => path.startsWith('packages/tensor/src/compile/')),
          (node) => operationMention(node, operations),
        ),
    },
  ];
}

function eachImport(
  modules: readonly SourceModule[],
  complain: (module: SourceModule, found: Import) => string | null,
): string[] {
  return modules.flatMap((module) =>
    module.imports.flatMap((found) => {
      const complaint = complain(module, found);
      return complaint === null ? [] : [`${module.path}:${found.line}: ${complaint}`];
    }),
  );
}

function eachNode(
  modules: readonly SourceModule[],
  complain: (node: ts.Node) => string | null,
): string[] {
  const complaints: string[] = [];
  for (const { path, tree } of modules) {
    visitNodes(tree, (node) => {
      const complaint = complain(node);
      if (complaint !== null) complaints.push(`${path}:${lineOf(tree, node)}: ${complaint}`);
    });
  }
  return complaints;
}

/** The name of the class that a class extends; empty if it extends none. */
function baseOf({ heritageClauses }: ts.ClassDeclaration): string {
  const clause = heritageClauses?.find(({ token }) => token === ts.SyntaxKind.ExtendsKeyword);
  return clause?.types[0].expression.getText() ?? '';
}

/** Whether an import names a file that the build writes, as the launcher of a command line does. */
function isBuilt({ path }: SourceModule, specifier: string): boolean {
  return /^packages\/[^/]+\/dist\//.test(joinPath(path, specifier));
}

/** Each cycle once, as the path around it, by depth-first search over imports that survive compiling. */
function importCycles({ modules }: Project): string[] {
  const next = new Map<string, readonly string[]>();
  for (const { path, imports } of modules) {
    const kept = imports.filter(({ typeOnly }) => !typeOnly);
    next.set(
      path,
      kept.map(({ target }) => target).filter((target) => target !== null),
    );
  }
  const cycles: string[] = [];
  const finished = new Set<string>();
  const visit = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path);
    if (start >= 0) cycles.push([...trail.slice(start), path].join(' → '));
    if (start >= 0 || finished.has(path)) return;
    for (const target of next.get(path) ?? []) visit(target, [...trail, path]);
    finished.add(path);
  };
  for (const path of next.keys()) visit(path, []);
  return cycles;
}

function layerViolations(project: Project, module: SourceModule): string[] {
  const owner = packageOf(project, module.path);
  const table = owner === null ? undefined : layers[owner.manifest.name];
  const source = owner === null ? '' : `${owner.folder}/src/`;
  if (table === undefined || !module.path.startsWith(source)) return [];
  const own = layerOf(table, module.path.slice(source.length));
  if (own === null) return [`${module.path}: stands in no layer`];
  return eachImport([module], (_, { target, typeOnly }) => {
    if (target === null || !target.startsWith(source)) return null;
    const other = layerOf(table, target.slice(source.length));
    if (other === null) return null; // reported at that file
    if (own.separate === true && own === other) {
      const folderOf = (path: string): string => folderBelow(own, path.slice(source.length));
      return folderOf(module.path) === folderOf(target)
        ? null
        : `imports ${target}, but folders of '${own.name}' are independent: ${own.reason}`;
    }
    const below = table.indexOf(other) <= table.indexOf(own);
    const allowed = own === other || (own.only?.includes(other.name) ?? below);
    if (allowed || (typeOnly && own.mentions?.includes(other.name) === true)) return null;
    return `'${own.name}' must not import '${other.name}' (${target}): ${own.reason}`;
  });
}

function layerOf(table: readonly Layer[], file: string): Layer | null {
  const named = table.find(({ files }) => files.includes(file));
  const isInside = (pattern: string): boolean => pattern.endsWith('/') && file.startsWith(pattern);
  return named ?? table.find(({ files }) => files.some(isInside)) ?? null;
}

/** What is wrong with an import of a file by another in the same table of rooms; `null` if nothing is. */
function roomViolation(path: string, target: string | null): string | null {
  if (target === null) return null;
  const table = roomTables.find(
    ({ folder }) => path.startsWith(`${folder}/`) && target.startsWith(`${folder}/`),
  );
  if (table === undefined) return null;
  const names = table.rooms.map(({ name }) => name);
  /** The place of a file's room in the order, the last one for files of the folder itself. */
  const placeOf = (file: string): number => {
    const [first, ...rest] = file.slice(table.folder.length + 1).split('/');
    return rest.length === 0 ? names.length : names.indexOf(first);
  };
  const [own, other] = [placeOf(path), placeOf(target)];
  if (own < 0) return `stands in no room of ${table.folder}`;
  if (other <= own) return null;
  const { name, reason } = table.rooms[own];
  return `imports ${target}, but '${name}' comes first: ${reason}`;
}

/** The folders of packages that hold too many source files. */
function crowdedFolders(paths: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const path of paths.filter((file) => /^packages\/[^/]+\/src\//.test(file))) {
    const folder = path.slice(0, path.lastIndexOf('/'));
    counts.set(folder, (counts.get(folder) ?? 0) + 1);
  }
  return [...counts].flatMap(([folder, count]) =>
    count > MAX_FILES ? [`${folder}: ${count} files, more than ${MAX_FILES}`] : [],
  );
}

/** The folder right below that of a layer in which a file stands: `wasm` of `backends/wasm/assembler/code.ts`. */
function folderBelow({ files }: Layer, file: string): string {
  const folder = files.find((place) => place.endsWith('/') && file.startsWith(place)) ?? '';
  return file.slice(folder.length).split('/', 1)[0];
}

function boundaryViolation(project: Project, module: SourceModule, found: Import): string | null {
  const { specifier } = found;
  const owner = packageOf(project, module.path);
  if (specifier.startsWith('.')) {
    const target = packageOf(project, joinPath(module.path, specifier));
    const isUnitTest = owner === null && target !== null && isTestOf(target, module.path);
    return target === owner || isUnitTest
      ? null
      : `reaches into ${specifier} instead of a public entry`;
  }
  const isOurs = project.packages.some(({ manifest: { name } }) => {
    return specifier === name || specifier.startsWith(`${name}/`);
  });
  if (isOurs && found.target === null) return `${specifier} is no public entry`;
  if (owner === null) return null;
  const { name, dependencies = {}, peerDependencies = {} } = owner.manifest;
  const boundary = boundaries.find((row) => row.package === name);
  if (boundary === undefined) return `package ${name} has no row in the table of boundaries`;
  const file = module.path.slice(`${owner.folder}/src/`.length);
  if (isOurs) {
    const places = boundary.inside?.[specifier] ?? [];
    return boundary.entries.includes(specifier) || places.includes(file)
      ? null
      : `${name} must not import ${specifier}: ${boundary.reason}`;
  }
  if (specifier.startsWith('node:')) {
    const allowed = boundary.node.some((place) => file.startsWith(place));
    return allowed ? null : `must not import ${specifier}: ${boundary.reason}`;
  }
  const dependency = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
  if (dependency in peerDependencies) {
    const allowed = boundary.peers?.[dependency]?.some((place) => file.startsWith(place));
    return allowed === true ? null : `must not import ${dependency}, which is optional in ${name}`;
  }
  return dependency in dependencies ? null : `${dependency} is no dependency of ${name}`;
}

/** Whether a file tests this package from inside: those of `test/dit/` may open the files of `packages/dit`. */
function isTestOf({ folder }: WorkspacePackage, path: string): boolean {
  return path.startsWith(`test/${folder.slice(folder.lastIndexOf('/') + 1)}/`);
}

function nameViolations(path: string): string[] {
  const file = path.slice(path.lastIndexOf('/') + 1);
  const words = file.split(/[-.]/);
  const vague = words.find((word) => /^(?:utils?|helpers?|commons?|misc)$/.test(word));
  if (vague !== undefined) return [`${path}: '${vague}' does not say what is inside`];
  return /^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.[a-z]+)+$/.test(file) ? [] : [`${path}: not kebab-case`];
}

/** What is wrong with the header line of a file. */
function headerViolations(path: string, header: string | null): string[] {
  if (header === null) return [`${path}: no header line '// Sentence.'`];
  const name = path.slice(path.lastIndexOf('/') + 1).replace(/(?:\.svelte)?(?:\.[jt]s)?$/, '');
  const inName = new Set(name.split('-'));
  const words = header.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
  const said = words.filter(
    (word) => !inName.has(word) && !/^(?:an?|the|of|and|for|in)$/.test(word),
  );
  const mark = path.endsWith('.svelte') ? '<!--  -->' : '// ';
  const columns = header.length + mark.length;
  return [
    ...(header.endsWith('.') ? [] : [`${path}: the header line ends without a full stop`]),
    ...(columns <= MAX_HEADER ? [] : [`${path}: a header line of ${columns} columns`]),
    ...(said.length > 0 ? [] : [`${path}: the header line only repeats the name of the file`]),
  ];
}

function undocumentedExports({ path, tree }: SourceModule): string[] {
  const documented = new Set<string>();
  return tree.statements.flatMap((statement) => {
    const modifiers = ts.canHaveModifiers(statement) ? (ts.getModifiers(statement) ?? []) : [];
    if (!modifiers.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)) return [];
    const name = /export (?:\w+ )*(\w+)/.exec(statement.getText(tree))?.[1] ?? 'an export';
    if (ts.getJSDocCommentsAndTags(statement).length > 0) documented.add(name);
    // The first of a function's overloads speaks for all.
    return documented.has(name)
      ? []
      : [`${path}:${lineOf(tree, statement)}: ${name} has no docstring`];
  });
}

/** A text that equals an operation's name, or a comparison with a table entry: `op === pointwise.add`. */
function operationMention(node: ts.Node, operations: ReadonlySet<string>): string | null {
  if (ts.isStringLiteralLike(node) && operations.has(node.text)) {
    return `mentions the operation '${node.text}'`;
  }
  if (!ts.isBinaryExpression(node)) return null;
  const { EqualsEqualsEqualsToken, ExclamationEqualsEqualsToken } = ts.SyntaxKind;
  const comparisons: readonly ts.SyntaxKind[] = [
    EqualsEqualsEqualsToken,
    ExclamationEqualsEqualsToken,
  ];
  if (!comparisons.includes(node.operatorToken.kind)) return null;
  const compared = [node.left, node.right].find(
    (side) => ts.isPropertyAccessExpression(side) && operations.has(side.name.text),
  );
  return compared === undefined ? null : `compares with the operation ${compared.getText()}`;
}
