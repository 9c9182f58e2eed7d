// A row of the table of the studio: what a page must reach, and how that is measured.

import type { Studio } from './visit.ts';

/** What is measured of the pages. */
export interface StudioRow {
  readonly name: string;
  /** What it must reach, in words. */
  readonly bar: string;
  /** Measures once, in the unit of the bar. */
  readonly measure: (studio: Studio) => Promise<number>;
  readonly unit: string;
  /** Whether one measurement is enough: sizes do not vary. */
  readonly isFixed?: boolean;
}
