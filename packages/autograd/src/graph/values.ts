// What a tensor of a graph holds, in a few words: mean, deviation and first elements.

import type { Tensor } from '@tessera/tensor';

/** How many elements of a tensor are shown. */
const SHOWN = 3;

/**
 * What a tensor holds in a few words: mean ± standard deviation and the first elements,
 * `0.5 ± 1.12 [-1, 0, 1, …]`. A tensor of at most three elements shows these elements only.
 *
 * @throws StateError if the elements are not known, or cannot be read at once.
 */
export function formatValues(x: Tensor): string {
  const elements = Array.from(x.dataSync());
  const first = elements.slice(0, SHOWN).map(rounded);
  if (elements.length <= SHOWN) return `[${first.join(', ')}]`;
  const mean = elements.reduce((sum, element) => sum + element, 0) / elements.length;
  const variance = elements.reduce((sum, element) => sum + (element - mean) ** 2, 0);
  const deviation = Math.sqrt(variance / elements.length);
  return `${rounded(mean)} ± ${rounded(deviation)} [${first.join(', ')}, …]`;
}

function rounded(value: number): string {
  return String(Number(value.toPrecision(3)));
}
