// A report as one HTML file that holds its pictures.

import { escapeXml } from '../pictures/svg.ts';
import type { Part, PicturePart } from './document.ts';

const STYLE = `
body { font: 16px/1.5 system-ui, sans-serif; color: #1f2937; max-width: 64rem; margin: 2rem auto; padding: 0 1rem; }
h2 { margin-top: 2.5rem; border-bottom: 1px solid #e5e7eb; }
img { max-width: 100%; height: auto; display: block; }
figure { margin: 1.5rem 0; }
figcaption { color: #6b7280; }
table { border-collapse: collapse; }
th, td { text-align: left; padding: 0.15rem 1rem 0.15rem 0; border-bottom: 1px solid #e5e7eb; }
`;

/**
 * The text of the page.
 *
 * @param dataOf gives the bytes of a picture
 */
export async function toHtml(
  title: string,
  parts: readonly Part[],
  dataOf: (picture: PicturePart) => Promise<Uint8Array>,
): Promise<string> {
  const body: string[] = [];
  for (const part of parts) {
    body.push(part.kind === 'picture' ? figure(part, await dataOf(part)) : element(part));
  }
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>${escapeXml(title)}</title>
<style>${STYLE}</style>
${body.join('\n')}
</html>
`;
}

function figure({ title }: PicturePart, png: Uint8Array): string {
  const url = `data:image/png;base64,${Buffer.from(png).toString('base64')}`;
  const text = escapeXml(title);
  return `<figure><img alt="${text}" src="${url}"><figcaption>${text}</figcaption></figure>`;
}

function element(part: Exclude<Part, PicturePart>): string {
  switch (part.kind) {
    case 'heading':
      return `<h${part.level}>${escapeXml(part.text)}</h${part.level}>`;
    case 'paragraph':
      return `<p>${escapeXml(part.text)}</p>`;
    case 'list':
      return `<ul>${part.items.map((item) => `<li>${escapeXml(item)}</li>`).join('')}</ul>`;
    case 'table': {
      const row = (cells: readonly string[], name: string): string =>
        `<tr>${cells.map((cell) => `<${name}>${escapeXml(cell)}</${name}>`).join('')}</tr>`;
      const rows = part.rows.map((cells) => row(cells, 'td'));
      return `<table>${[row(part.columns, 'th'), ...rows].join('\n')}</table>`;
    }
  }
}
