// Puts the pages of the room Read beside the page, as one JSON file that only this room loads.

import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Plugin } from 'vite';
import type { BookPage } from '../../src/rooms/read/book-page.ts';
import { entryPages } from './entries.ts';
import { renderMarkdown } from './markdown.ts';

const FILE = 'read/pages.json';
const docs = fileURLToPath(new URL('../../../../docs/tour/', import.meta.url));
const glossary = fileURLToPath(new URL('../../../../GLOSSARY.md', import.meta.url));

/** All pages, from the documents and docstrings as they are now. */
function pages(): BookPage[] {
  const chapters = readdirSync(docs)
    .filter((file) => file.endsWith('.md'))
    .sort((a, b) => Number(b === 'README.md') - Number(a === 'README.md') || (a < b ? -1 : 1));
  return [
    ...chapters.map((file) => document(file.replace(/\.md$/, ''), `${docs}${file}`, 'Tour')),
    document('glossary', glossary, 'Words'),
    ...entryPages(),
  ];
}

function document(name: string, path: string, part: string): BookPage {
  const text = readFileSync(path, 'utf8');
  const title = /^# (.*)$/m.exec(text)?.[1] ?? name;
  const html = renderMarkdown(text);
  return { name: name === 'README' ? 'tour' : name, title, part, html, isRunnable: true };
}

/** The plugin of build and of `npm run dev`. */
export function book(): Plugin {
  return {
    name: 'studio-book',
    configureServer(server) {
      server.middlewares.use(`/${FILE}`, (_request, response) => {
        response.setHeader('content-type', 'application/json');
        response.end(JSON.stringify(pages()));
      });
    },
    generateBundle() {
      this.emitFile({ type: 'asset', fileName: FILE, source: JSON.stringify(pages()) });
    },
  };
}
