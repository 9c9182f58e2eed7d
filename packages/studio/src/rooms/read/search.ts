// Finds the places of the book that have all words of a text.

import type { BookPage } from './book-page.ts';

/** A place: a heading of a page, with the text below it. */
export interface Place {
  readonly page: BookPage;
  /** Number of the heading on its page, from 0. */
  readonly heading: number;
  readonly title: string;
  readonly text: string;
}

/** All places of the book, one for each heading. */
export function placesOf(pages: readonly BookPage[]): Place[] {
  const parser = new DOMParser();
  return pages.flatMap((page) => {
    const { body } = parser.parseFromString(page.html, 'text/html');
    const places: { page: BookPage; heading: number; title: string; text: string }[] = [];
    const walker = document.createTreeWalker(body, NodeFilter.SHOW_TEXT);
    let heading: Element | null = null;
    for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
      const own = node.parentElement?.closest('h1, h2, h3') ?? null;
      if (own !== null && own !== heading) {
        heading = own;
        places.push({ page, heading: places.length, title: own.textContent, text: '' });
      }
      const place = places.at(-1);
      if (place !== undefined && own === null) place.text += ` ${node.textContent ?? ''}`;
    }
    return places;
  });
}

/** The places that have all words, those first whose title has them. */
export function find(places: readonly Place[], query: string, most: number): Place[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return [];
  const rank = ({ title, text }: Place): number => {
    const [head, all] = [title.toLowerCase(), `${title} ${text}`.toLowerCase()];
    if (!words.every((word) => all.includes(word))) return 0;
    return (
      1 + words.filter((word) => head.includes(word)).length + (head === words.join(' ') ? 9 : 0)
    );
  };
  return places
    .map((place) => ({ place, rank: rank(place) }))
    .filter((each) => each.rank > 0)
    .sort((a, b) => b.rank - a.rank)
    .slice(0, most)
    .map(({ place }) => place);
}
