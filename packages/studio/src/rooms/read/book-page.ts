// A page of the room Read, as the build makes it and the room shows it.

/** A chapter of the tour, the glossary, or a public entry. */
export interface BookPage {
  /** Its name in the address. */
  readonly name: string;
  readonly title: string;
  /** The part of the book that it belongs to. */
  readonly part: string;
  readonly html: string;
  /** Whether its code runs in a page; the code of some entries needs Node or a GPU. */
  readonly isRunnable: boolean;
}
