// A report as a list of parts, whatever it is written in.

/** A part of a document. */
export type Part =
  | { readonly kind: 'heading'; readonly level: 1 | 2; readonly text: string }
  | { readonly kind: 'paragraph'; readonly text: string }
  | { readonly kind: 'list'; readonly items: readonly string[] }
  | {
      readonly kind: 'table';
      readonly columns: readonly string[];
      readonly rows: readonly (readonly string[])[];
    }
  | PicturePart;

/** A picture that is drawn for the document, or that lies in a folder. */
export interface PicturePart {
  readonly kind: 'picture';
  readonly title: string;
  readonly source:
    | { readonly kind: 'drawn'; readonly name: string; readonly png: Uint8Array }
    | { readonly kind: 'file'; readonly path: string };
}

/** A heading. */
export function heading(level: 1 | 2, text: string): Part {
  return { kind: 'heading', level, text };
}

/** A paragraph. */
export function paragraph(text: string): Part {
  return { kind: 'paragraph', text };
}

/** A table. */
export function table(columns: readonly string[], rows: readonly (readonly string[])[]): Part {
  return { kind: 'table', columns, rows };
}
