// A report as Markdown that names files of pictures.

import type { Part, PicturePart } from './document.ts';

/**
 * The text of the document.
 *
 * @param pathOf gives the path of a picture, from the folder of the document
 */
export function toMarkdown(
  parts: readonly Part[],
  pathOf: (picture: PicturePart) => string,
): string {
  return parts.map((part) => `${block(part, pathOf)}\n`).join('\n');
}

function block(part: Part, pathOf: (picture: PicturePart) => string): string {
  switch (part.kind) {
    case 'heading':
      return `${'#'.repeat(part.level)} ${escape(part.text)}`;
    case 'paragraph':
      return escape(part.text);
    case 'list':
      return part.items.map((item) => `- ${escape(item)}`).join('\n');
    case 'picture':
      return `![${escape(part.title)}](<${pathOf(part)}>)`;
    case 'table':
      return [part.columns, part.columns.map(() => '---'), ...part.rows]
        .map((cells) => `| ${cells.map((cell) => escape(cell)).join(' | ')} |`)
        .join('\n');
  }
}

/** Text in which no character means something to Markdown. */
function escape(text: string): string {
  return text === '---' ? text : text.replaceAll(/[\\`*_{}[\]<>#|~]/g, (sign) => `\\${sign}`);
}
