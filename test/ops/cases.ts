import { arithmetic } from './cases/arithmetic.ts';
import { arranging } from './cases/arranging.ts';
import { comparisons } from './cases/comparisons.ts';
import { elementary } from './cases/elementary.ts';
import { images } from './cases/images.ts';
import { joining } from './cases/joining.ts';
import { losses } from './cases/losses.ts';
import { measures } from './cases/measures.ts';
import { movements } from './cases/movements.ts';
import { normalizations } from './cases/normalizations.ts';
import { ordering } from './cases/ordering.ts';
import { products } from './cases/products.ts';
import { reductions } from './cases/reductions.ts';
import { sources } from './cases/sources.ts';
import type { OpRow } from './row.ts';

/** One row for every variant of every operation. */
export const rows: readonly OpRow[] = [
  ...arithmetic,
  ...elementary,
  ...comparisons,
  ...reductions,
  ...movements,
  ...joining,
  ...arranging,
  ...measures,
  ...ordering,
  ...products,
  ...images,
  ...normalizations,
  ...losses,
  ...sources,
];
