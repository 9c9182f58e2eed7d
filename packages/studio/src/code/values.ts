// Code that also says what its statements give, as a console does.

import { typescriptLanguage } from '@codemirror/lang-javascript';

/** Letters of a label at most. */
const MOST_LETTERS = 60;

/** A comment on the rest of a line, which says what a declared value is. */
const REMARK = /^[ \t]*\/\/ /;

/** Expressions that change a variable, and say nothing new. */
const SILENT = new Set(['AssignmentExpression', 'UpdateExpression']);

/** Calls for what they do, not for what they give; graphs are drawn. */
const CALLS = /^(?:look|record|setDefaultBackend)\(/;

/**
 * Calls `$show(label, value)` for the value of each statement that is an expression, and for the first name of each
 * declaration with a comment behind it. Lines stay where they are. Code that prints says enough by itself.
 */
export function withValues(code: string): string {
  if (code.includes('console.log(')) return code;
  let result = '';
  let at = 0;
  const put = (from: number, to: number, text: string): void => {
    result += code.slice(at, from) + text;
    at = to;
  };
  const { topNode } = typescriptLanguage.parser.parse(code);
  for (let node = topNode.firstChild; node !== null; node = node.nextSibling) {
    const { firstChild: expression } = node;
    if (node.name === 'ExpressionStatement' && expression !== null) {
      const text = code.slice(expression.from, expression.to);
      if (SILENT.has(expression.name) || CALLS.test(text)) continue;
      put(expression.from, expression.to, `$show(${labelOf(text)}, ${text})`);
    } else if (node.name === 'VariableDeclaration' && REMARK.test(code.slice(node.to))) {
      const name = node.cursor();
      while (name.name !== 'VariableDefinition' && name.next());
      const text = code.slice(name.from, name.to);
      put(node.to, node.to, ` $show(${labelOf(text)}, ${text});`);
    }
  }
  return result + code.slice(at);
}

function labelOf(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ');
  return JSON.stringify(line.length > MOST_LETTERS ? `${line.slice(0, MOST_LETTERS)} …` : line);
}
