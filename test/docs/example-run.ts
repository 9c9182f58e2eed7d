import { runInThisContext } from 'node:vm';
import { formatSpec, Tensor } from '@tessera/tensor';
import ts from 'typescript';
import type { Example } from './docstrings.ts';

/** What an asserted comment says about the statement before it. */
interface Claim {
  /** What the statement gives: the expression itself, what it prints, or the first name it declares. */
  readonly subject: string;
  readonly statement: ts.Statement;
  readonly expected: Expected;
}

type Expected =
  | { readonly kind: 'value'; readonly literal: ts.Expression; readonly text: string }
  | { readonly kind: 'tensor'; readonly text: string }
  | { readonly kind: 'printed'; readonly text: string }
  | { readonly kind: 'throws'; readonly text: string };

/** Functions that the code of an example calls back. */
interface Callbacks {
  check(index: number, value: unknown): void;
  checkThrows(index: number, f: () => unknown): Promise<void>;
}

/** Whether an example only shows a call: its first line is `// not run: reason`. */
export function isShownOnly({ code }: Example): boolean {
  return code.startsWith('// not run: ');
}

/**
 * Runs an example and compares what its asserted comments say.
 *
 * @param load Gives the exports of a module by the name in {@link Example.imports}.
 */
export async function runExample(
  { code, imports }: Example,
  load: (module: string) => Promise<Readonly<Record<string, unknown>>>,
): Promise<void> {
  const source = ts.createSourceFile('example.ts', code, ts.ScriptTarget.ES2023, true);
  const claims = source.statements.flatMap((statement) => claimOf(statement, code) ?? []);
  const names = [...imports.values()].flat();
  const { outputText } = ts.transpileModule(
    `async (console, callbacks, ${names.join(', ')}) => {\n${instrument(code, claims)}\n}`,
    { compilerOptions: { target: ts.ScriptTarget.ES2023 } },
  );
  const compared = new Set<number>();
  const callbacks: Callbacks = {
    check: (index, value) => {
      compared.add(index);
      const { expected } = claims[index];
      if (!agrees(value, expected)) {
        throw new Error(`the comment says ${expected.text}, but the value is ${show(value)}`);
      }
    },
    checkThrows: async (index, f) => {
      compared.add(index);
      const { text } = claims[index].expected;
      let thrown: unknown;
      try {
        await f();
      } catch (error) {
        thrown = error;
      }
      const name = thrown instanceof Error ? thrown.name : 'nothing';
      if (`throws ${name}` !== text)
        throw new Error(`the comment says ${text}, but it throws ${name}`);
    },
  };
  const run = runInThisContext(outputText) as (...args: unknown[]) => Promise<void>;
  const values: unknown[] = [];
  for (const [module, used] of imports) {
    const exported = await load(module);
    values.push(...used.map((name) => (name === 'fc' ? exported.default : exported[name])));
  }
  await run({ log: () => undefined }, callbacks, ...values);
  if (compared.size < claims.length) throw new Error('the example ended before its last comment');
}

/** The code with a call after (or around) each statement that a claim is about. */
function instrument(code: string, claims: readonly Claim[]): string {
  let result = '';
  let at = 0;
  claims.forEach(({ statement, subject, expected }, index) => {
    const text = code.slice(statement.getStart(), statement.end);
    result += code.slice(at, statement.getStart());
    at = statement.end;
    if (expected.kind === 'throws') {
      result += `await callbacks.checkThrows(${index}, async () => { ${text} });`;
    } else {
      const declares = !ts.isExpressionStatement(statement);
      result += `${declares ? text : ''} callbacks.check(${index}, ${subject});`;
    }
  });
  return result + code.slice(at);
}

function claimOf(statement: ts.Statement, code: string): Claim | null {
  const comment = ts
    .getTrailingCommentRanges(code, statement.end)
    ?.find(({ kind }) => kind === ts.SyntaxKind.SingleLineCommentTrivia);
  if (comment === undefined) return printedClaimOf(statement, code);
  const expected = parseComment(code.slice(comment.pos + 2, comment.end).trim());
  if (expected === null) return null;
  if (ts.isExpressionStatement(statement)) {
    return { statement, expected, subject: subjectOf(statement.expression) };
  }
  if (!ts.isVariableStatement(statement)) throw new Error('a comment asserts on no value');
  return {
    statement,
    expected,
    subject: firstName(statement.declarationList.declarations[0].name),
  };
}

/** The first name that a declaration binds. */
function firstName(name: ts.BindingName): string {
  if (ts.isIdentifier(name)) return name.text;
  const names: readonly ts.Node[] = name.elements;
  const first = names.find((element) => ts.isBindingElement(element));
  if (first === undefined) throw new Error('a comment asserts on a pattern without names');
  return firstName(first.name);
}

/** The claim of the comment lines right below a `console.log`: what it prints. */
function printedClaimOf(statement: ts.Statement, code: string): Claim | null {
  if (!ts.isExpressionStatement(statement)) return null;
  const subject = subjectOf(statement.expression);
  const below = /^\n(?:\/\/.*(?:\n|$))+/.exec(code.slice(statement.end));
  if (below === null || subject === statement.expression.getText()) return null;
  const lines = below[0].trim().split('\n');
  const text = lines.map((line) => line.replace(/^\/\/ ?/, '').trimEnd()).join('\n');
  return { statement, subject, expected: { kind: 'printed', text } };
}

/** What an expression statement is about: `console.log(x)` is about x. */
function subjectOf(expression: ts.Expression): string {
  const logs = ts.isCallExpression(expression) && expression.expression.getText() === 'console.log';
  return logs
    ? expression.arguments.map((each) => each.getText()).join(', ')
    : expression.getText();
}

/**
 * Reads a comment: `throws Name`, dtype and shape (`float32[2, 3]`), or a literal, with
 * `: words` behind it allowed. `null` for prose.
 */
function parseComment(comment: string): Expected | null {
  const thrown = /^throws \w+$/.exec(comment);
  if (thrown !== null) return { kind: 'throws', text: comment };
  const tensor = /^((?:float32|int32|bool)\[[\d, ]*\])(?:$|: )/.exec(comment);
  if (tensor !== null) return { kind: 'tensor', text: tensor[1] };
  const ends = [...comment.matchAll(/: |$/g)].map(({ index }) => index);
  for (const end of ends) {
    const literal = parseLiteral(comment.slice(0, end));
    if (literal !== null) return { kind: 'value', literal, text: comment.slice(0, end) };
  }
  // `[B, T, D]` gives a shape in letters; anything else that starts like a value should be one.
  if (/^(?:\[['"{\d[-]|['"{\d]|-\d)/.test(comment)) {
    throw new Error(`'${comment}' starts like a value, but is none. Put words behind ': '.`);
  }
  return null;
}

function parseLiteral(text: string): ts.Expression | null {
  const source = ts.createSourceFile('literal.ts', `(${text})`, ts.ScriptTarget.ES2023, true);
  const { parseDiagnostics } = source as ts.SourceFile & { parseDiagnostics: readonly unknown[] };
  const [statement] = source.statements;
  if (parseDiagnostics.length > 0 || source.statements.length !== 1) return null;
  if (!ts.isExpressionStatement(statement)) return null;
  const { expression } = statement.expression as ts.ParenthesizedExpression;
  return isLiteral(expression) ? expression : null;
}

function isLiteral(node: ts.Expression): boolean {
  if (ts.isArrayLiteralExpression(node)) return node.elements.every(isLiteral);
  if (ts.isObjectLiteralExpression(node)) {
    return node.properties.every(
      (each) => ts.isPropertyAssignment(each) && isLiteral(each.initializer),
    );
  }
  return ts.isStringLiteral(node) || numberOf(node) !== null || constantOf(node) !== undefined;
}

function numberOf(node: ts.Expression): { value: number; decimals: number } | null {
  const text = node.getText();
  if (!/^-?(?:\d+(?:\.\d+)?(?:e-?\d+)?|Infinity|NaN)$/.test(text)) return null;
  const [digits, exponent = '0'] = text.split('e');
  const decimals = (digits.split('.')[1] ?? '').length;
  return { value: Number(text), decimals: decimals < 3 ? Infinity : decimals - Number(exponent) };
}

function constantOf(node: ts.Expression): boolean | null | undefined {
  if (node.kind === ts.SyntaxKind.TrueKeyword) return true;
  if (node.kind === ts.SyntaxKind.FalseKeyword) return false;
  return node.kind === ts.SyntaxKind.NullKeyword ? null : undefined;
}

function agrees(value: unknown, expected: Expected): boolean {
  if (expected.kind === 'tensor')
    return value instanceof Tensor && formatSpec(value) === expected.text;
  if (expected.kind === 'printed') {
    return String(value).replaceAll(/ +$/gm, '').trimEnd() === expected.text;
  }
  return expected.kind === 'value' && matches(plain(value), expected.literal);
}

/** Tensors and typed arrays as arrays, bool tensors as arrays of booleans. */
function plain(value: unknown): unknown {
  if (value instanceof Tensor) {
    const nested: unknown = value.toArraySync();
    const booleans = (x: unknown): unknown => (Array.isArray(x) ? x.map(booleans) : x === 1);
    return value.dtype === 'bool' ? booleans(nested) : nested;
  }
  return ArrayBuffer.isView(value) ? Array.from(value as unknown as ArrayLike<number>) : value;
}

/**
 * Whether a value is what a literal says. A number with three or more decimals stands for all that
 * round to it; any other must be met within the rounding of float32.
 */
function matches(value: unknown, literal: ts.Expression): boolean {
  if (ts.isArrayLiteralExpression(literal)) {
    const { elements } = literal;
    const items = plain(value);
    return (
      Array.isArray(items) &&
      items.length === elements.length &&
      elements.every((element, i) => matches(plain(items[i]), element))
    );
  }
  if (ts.isObjectLiteralExpression(literal)) {
    if (typeof value !== 'object' || value === null) return false;
    const record = value as Readonly<Record<string, unknown>>;
    const properties = literal.properties.filter((each) => ts.isPropertyAssignment(each));
    return (
      Object.keys(record).length === properties.length &&
      properties.every(({ name, initializer }) => {
        const key = ts.isStringLiteral(name) ? name.text : name.getText();
        return Object.hasOwn(record, key) && matches(plain(record[key]), initializer);
      })
    );
  }
  if (ts.isStringLiteral(literal)) return value === literal.text;
  const number = numberOf(literal);
  if (number === null) return value === constantOf(literal);
  if (typeof value !== 'number') return false;
  if (Object.is(value, number.value) || value === number.value) return true;
  const exact = 1e-6 * Math.max(Number.MIN_VALUE, Math.abs(number.value));
  const rounding = 0.5 * 10 ** -number.decimals;
  return Math.abs(value - number.value) <= Math.max(exact, rounding * (1 + 1e-6));
}

function show(value: unknown): string {
  if (typeof value === 'string') return value.includes('\n') ? `\n${value}` : `'${value}'`;
  const text = value instanceof Tensor ? `${formatSpec(value)} ` : '';
  return `${text}${JSON.stringify(plain(value))}`;
}
