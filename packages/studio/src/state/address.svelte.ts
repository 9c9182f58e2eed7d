// The state of the page in its address: `#/draw?seed=3&prompt=a+thick+seven`.

import type { Fields, ValuesOf } from './fields.ts';

/** Milliseconds between a change and the address: browsers refuse more than a few hundred changes a minute. */
const PAUSE_MS = 200;

type Texts = Readonly<Record<string, string>>;

/** Room and texts of an address. */
function parse(hash: string): { readonly room: string; readonly texts: Texts } {
  const [room, query = ''] = hash.replace(/^#\/?/, '').split('?', 2);
  return { room, texts: Object.fromEntries(new URLSearchParams(query)) };
}

function format(room: string, texts: Texts): string {
  const query = new URLSearchParams(texts).toString();
  return `#/${room}${query === '' ? '' : `?${query}`}`;
}

/** The address as rooms see it: each has its own values, also while another one is open. */
class Address {
  /** The name of the open room, as it stands in the address; empty if none does. */
  room: string = $state('');
  #texts: Readonly<Record<string, Texts>> = $state.raw({});
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** The address as it was read or written last. */
  #known = location.hash;

  constructor() {
    this.#read();
    addEventListener('hashchange', () => this.#read());
  }

  /** The address of a room with its values. */
  linkTo(room: string): string {
    return format(room, this.textsOf(room));
  }

  /** The whole address of the page as it is now, to be shared. */
  share(room: string): string {
    return new URL(this.linkTo(room), location.href).href;
  }

  textsOf(room: string): Texts {
    return this.#texts[room] ?? {};
  }

  set(room: string, name: string, text: string | null): void {
    const { [name]: _, ...others } = this.textsOf(room);
    this.#texts = {
      ...this.#texts,
      [room]: text === null ? others : { ...others, [name]: text },
    };
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#write(), PAUSE_MS);
  }

  #read(): void {
    this.#known = location.hash;
    const { room, texts } = parse(this.#known);
    this.room = room;
    this.#texts = { ...this.#texts, [room]: texts };
  }

  #write(): void {
    // A link was followed a moment ago: it is read next, and counts.
    if (location.hash !== this.#known) return;
    const link = this.linkTo(this.room);
    if (link !== location.hash) history.replaceState(null, '', link);
    this.#known = location.hash;
  }
}

/** The address of this page. */
export const address = new Address();

/**
 * The values of a room, kept in the address. Reading one is reactive; setting one writes the address. Values that are
 * as at the start are left out of it, and a text that is no value counts as left out.
 */
export function roomState<Of extends Fields>(room: string, fields: Of): ValuesOf<Of> {
  const values = {};
  for (const [name, field] of Object.entries(fields)) {
    Object.defineProperty(values, name, {
      enumerable: true,
      get: () => {
        const text = address.textsOf(room)[name];
        return (text === undefined ? undefined : field.read(text)) ?? field.initial;
      },
      set: (value: unknown) => {
        address.set(room, name, value === field.initial ? null : field.write(value));
      },
    });
  }
  return values as ValuesOf<Of>;
}
