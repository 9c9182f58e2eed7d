// The API reference: a page for each public entry, from its names and their docstrings.

import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import type { BookPage } from '../../src/rooms/read/book-page.ts';
import { escaped, renderMarkdown } from './markdown.ts';

const packages = fileURLToPath(new URL('../../../', import.meta.url));

/** The public entries by the name of their page. */
const ENTRIES = [
  ['tensor', '@tessera/tensor', 'tensor/src/index.ts'],
  ['tensor-linalg', '@tessera/tensor/linalg', 'tensor/src/linalg.ts'],
  ['tensor-gpu', '@tessera/tensor/gpu', 'tensor/src/gpu.ts'],
  ['tensor-extend', '@tessera/tensor/extend', 'tensor/src/extend.ts'],
  ['autograd', '@tessera/autograd', 'autograd/src/index.ts'],
  ['autograd-nn', '@tessera/autograd/nn', 'autograd/src/nn/index.ts'],
  ['autograd-optim', '@tessera/autograd/optim', 'autograd/src/optim/index.ts'],
  ['autograd-debug', '@tessera/autograd/debug', 'autograd/src/debug/index.ts'],
  ['dit', '@tessera/dit', 'dit/src/index.ts'],
  ['dit-node', '@tessera/dit/node', 'dit/src/node.ts'],
] as const;

/** Entries whose examples need more than a page has. */
const BEYOND_PAGES: ReadonlySet<string> = new Set(['tensor-gpu', 'dit-node']);

/** A page for each entry, its names in the order of the alphabet. */
export function entryPages(): BookPage[] {
  return ENTRIES.map(([name, module, file]) => {
    const exported = [...namesOf(join(packages, file))].sort(([a], [b]) => (a < b ? -1 : 1));
    const parts = exported.map(([as, { source, declaration }]) => partOf(as, source, declaration));
    return {
      name: `api-${name}`,
      title: module,
      part: 'API',
      html: `<h1>${module}</h1>${parts.join('')}`,
      isRunnable: !BEYOND_PAGES.has(name),
    };
  });
}

type Declaration =
  | ts.FunctionDeclaration
  | ts.ClassDeclaration
  | ts.InterfaceDeclaration
  | ts.TypeAliasDeclaration
  | ts.VariableStatement;

interface Found {
  readonly source: ts.SourceFile;
  readonly declaration: Declaration;
}

const parsed = new Map<string, ts.SourceFile>();

function sourceOf(path: string): ts.SourceFile {
  const known = parsed.get(path);
  if (known !== undefined) return known;
  const source = ts.createSourceFile(
    path,
    readFileSync(path, 'utf8'),
    ts.ScriptTarget.ES2023,
    true,
  );
  parsed.set(path, source);
  return source;
}

/** The exported names of a file and where they are declared; those of other packages have a page of their own. */
function namesOf(path: string): Map<string, Found> {
  const source = sourceOf(path);
  const found = new Map<string, Found>();
  for (const statement of source.statements) {
    if (!ts.isExportDeclaration(statement)) continue;
    const { exportClause, moduleSpecifier } = statement;
    if (exportClause === undefined || !ts.isNamedExports(exportClause)) continue;
    const from =
      moduleSpecifier !== undefined && ts.isStringLiteral(moduleSpecifier)
        ? join(dirname(path), moduleSpecifier.text)
        : path;
    if (!existsSync(from)) continue;
    for (const { name, propertyName } of exportClause.elements) {
      const inside = (propertyName ?? name).text;
      const declared =
        declarationOf(from, inside) ?? (from === path ? null : namesOf(from).get(inside));
      if (declared !== null && declared !== undefined) found.set(name.text, declared);
    }
  }
  for (const declaration of source.statements.filter(isDeclaration)) {
    const isExported = declaration.modifiers?.some(
      ({ kind }) => kind === ts.SyntaxKind.ExportKeyword,
    );
    if (isExported === true) found.set(nameOf(declaration), { source, declaration });
  }
  return found;
}

function declarationOf(path: string, name: string): Found | null {
  const source = sourceOf(path);
  const declaration = source.statements.filter(isDeclaration).find((each) => nameOf(each) === name);
  return declaration === undefined ? null : { source, declaration };
}

function isDeclaration(statement: ts.Statement): statement is Declaration {
  return (
    ts.isFunctionDeclaration(statement) ||
    ts.isClassDeclaration(statement) ||
    ts.isInterfaceDeclaration(statement) ||
    ts.isTypeAliasDeclaration(statement) ||
    ts.isVariableStatement(statement)
  );
}

function nameOf(declaration: Declaration): string {
  if (!ts.isVariableStatement(declaration)) return declaration.name?.text ?? '';
  const [{ name }] = declaration.declarationList.declarations;
  return ts.isIdentifier(name) ? name.text : '';
}

/** The part of a page about one name. */
function partOf(name: string, source: ts.SourceFile, declaration: Declaration): string {
  const members = ts.isClassDeclaration(declaration)
    ? declaration.members.filter(isPublicMember).map((member) => memberPart(source, member))
    : [];
  return [
    `<section class="name"><h2 id="name-${escaped(name)}">${escaped(name)}</h2>`,
    `<pre class="head" tabindex="0" role="group" aria-label="Declaration"><code>${escaped(headOf(source, declaration))}</code></pre>`,
    docOf(declaration),
    members.length === 0 ? '' : `<dl>${members.join('')}</dl>`,
    '</section>',
  ].join('');
}

/** A declaration without its body. */
function headOf(source: ts.SourceFile, declaration: Declaration): string {
  const end = ts.isFunctionDeclaration(declaration)
    ? declaration.body?.getFullStart()
    : ts.isClassDeclaration(declaration)
      ? source.text.indexOf(
          '{',
          (declaration.heritageClauses ?? declaration.typeParameters)?.end ?? declaration.name?.end,
        )
      : ts.isVariableStatement(declaration)
        ? declaration.declarationList.declarations[0].initializer?.getFullStart()
        : undefined;
  const text = source.text.slice(declaration.getStart(), end ?? declaration.end);
  return text.replace(/^export /, '').replace(/\s*=?\s*$/, '');
}

type Member = ts.MethodDeclaration | ts.PropertyDeclaration | ts.GetAccessorDeclaration;

function isPublicMember(member: ts.ClassElement): member is Member {
  const isKind =
    ts.isMethodDeclaration(member) ||
    ts.isPropertyDeclaration(member) ||
    ts.isGetAccessorDeclaration(member);
  const hidden = ts.canHaveModifiers(member)
    ? (ts.getModifiers(member) ?? []).some(
        ({ kind }) =>
          kind === ts.SyntaxKind.PrivateKeyword ||
          kind === ts.SyntaxKind.ProtectedKeyword ||
          kind === ts.SyntaxKind.OverrideKeyword,
      )
    : false;
  return (
    isKind &&
    !hidden &&
    ts.isIdentifier(member.name) &&
    ts.getJSDocCommentsAndTags(member).length > 0
  );
}

function memberPart(source: ts.SourceFile, member: Member): string {
  const end = ts.isPropertyDeclaration(member)
    ? member.initializer?.getFullStart()
    : member.body?.getFullStart();
  const head = source.text.slice(member.getStart(), end ?? member.end).replace(/\s*[=;]?\s*$/, '');
  return `<dt><code>${escaped(head)}</code></dt><dd>${docOf(member)}</dd>`;
}

/** The docstring of a node: its text, its tags as a list, its examples as code. */
function docOf(node: ts.Node): string {
  const comment = ts.getJSDocCommentsAndTags(node).find((each) => ts.isJSDoc(each));
  const tags = ts.getJSDocTags(node);
  const list = tags
    .filter(({ tagName }) => ['param', 'returns', 'throws'].includes(tagName.text))
    .map((tag) => {
      const parameter = ts.isJSDocParameterTag(tag) ? ` \`${tag.name.getText()}\`` : '';
      return `- *${tag.tagName.text}*${parameter} ${textOf(tag.comment)}`;
    });
  const examples = tags
    .filter(({ tagName }) => tagName.text === 'example')
    .map((tag) => `\n\`\`\`ts\n${exampleOf(tag)}\n\`\`\`\n`);
  return renderMarkdown([textOf(comment?.comment), list.join('\n'), ...examples].join('\n\n'));
}

/** A comment with its links as code. */
function textOf(comment: string | ts.NodeArray<ts.JSDocComment> | undefined): string {
  const text = ts.getTextOfJSDocComment(comment) ?? '';
  return text.replaceAll(/\{@link (\S+?)(?:\s+[^}]*)?\}/g, '`$1`');
}

/** The code of an example, without the asterisks of the comment. */
function exampleOf(tag: ts.JSDocTag): string {
  return tag
    .getSourceFile()
    .text.slice(tag.tagName.end, tag.end)
    .split('\n')
    .map((line, i) => (i === 0 ? line : line.replace(/^\s*\* ?/, '')))
    .join('\n')
    .trim()
    .replaceAll(/^```ts\n|\n```$/g, '');
}
