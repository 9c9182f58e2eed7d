// Finds the known name that a misspelt one probably means.

import { distance } from 'fastest-levenshtein';

/** A name is no misspelling of another if this share of it differs, or more. */
const DIFFERENT = 0.4;

/**
 * The name of a list that is nearest to a misspelt one; `undefined` if none is near. Of names with dots, one
 * whose last part is the given name comes first: `depth` means `model.depth`.
 */
export function nearestName(given: string, names: readonly string[]): string | undefined {
  const lower = given.toLowerCase();
  const costOf = (name: string): number => {
    const own = name.toLowerCase();
    const last = own.slice(own.lastIndexOf('.') + 1);
    return lower.includes('.') ? distance(lower, own) : distance(lower, last);
  };
  const [best] = names
    .map((name) => ({ name, cost: costOf(name) }))
    .sort((a, b) => a.cost - b.cost);
  return best !== undefined && best.cost < DIFFERENT * given.length ? best.name : undefined;
}
