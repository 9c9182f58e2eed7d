// Markdown of documents and docstrings as HTML: code with what it prints, and links between pages.

import { Marked } from 'marked';

const marked = new Marked({
  renderer: {
    code(code, language) {
      const isOutput = language === 'text' || language === 'mermaid';
      const label = isOutput ? 'Printed' : 'Code';
      const kind = isOutput ? 'output' : 'code';
      const runs = language === 'ts' && !code.startsWith('// not run: ') ? ' data-run' : '';
      return `<pre class="${kind}"${runs} tabindex="0" role="group" aria-label="${label}"><code>${escaped(code)}</code></pre>`;
    },
    link(address, _title, text) {
      const page = pageOf(address);
      if (page !== null) return `<a href="#/read?page=${page}">${text}</a>`;
      return address.startsWith('https://')
        ? `<a href="${address}" rel="noreferrer">${text}</a>`
        : text;
    },
    table: (header, body) =>
      `<div class="wide" tabindex="0" role="group" aria-label="Table"><table><thead>${header}</thead><tbody>${body}</tbody></table></div>`,
    html: escaped,
  },
});

/** The HTML of a text. */
export function renderMarkdown(text: string): string {
  return marked.parse(text) as string;
}

/** Text that is code, as HTML. */
export function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}

/** The page that a link between documents leads to; `null` if it is none of the book. */
function pageOf(address: string): string | null {
  const chapter = /^(\d\d-[\w-]+)\.md/.exec(address);
  if (chapter !== null) return chapter[1];
  if (address.startsWith('README.md')) return 'tour';
  return address.includes('GLOSSARY.md') ? 'glossary' : null;
}
