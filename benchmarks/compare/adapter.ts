/** What the figures of a GPU are the figures of. */

import type { Result } from './result.ts';

/** The name under which the versions of a result have the adapter of a GPU. */
export const ADAPTER = 'gpu adapter';

/** Names of drivers that compute on the CPU. */
const SOFTWARE = /swiftshader|llvmpipe|lavapipe|software|basic render|WebAssembly|JavaScript/i;

/** A sentence about the adapter that a run used; `undefined` if it used none. */
export function adapterNote({
  versions,
  date,
}: Pick<Result, 'versions' | 'date'>): string | undefined {
  const adapter = versions[ADAPTER];
  if (adapter === undefined) return undefined;
  const kind = SOFTWARE.test(adapter)
    ? 'a software adapter, which computes on the CPU: these are not the figures of a GPU'
    : 'a GPU';
  return `On ${date.slice(0, 10)} the adapter was ${adapter}, ${kind}.`;
}
