// Names the GPU that figures come from, and warns where it is software or two differ.

import type { Result, Row } from './result.ts';

/** The name under which the versions of a result have the adapter of a GPU. */
export const ADAPTER = 'gpu adapter';

/** The name under which they have the GPU of PyTorch, as pytorch.py says. */
export const PYTORCH_DEVICE = 'device of pytorch';

/** Names of drivers that compute on the CPU. */
const SOFTWARE = /swiftshader|llvmpipe|lavapipe|software|basic render|WebAssembly|JavaScript/i;

/** Words that make another model of a name: an RTX 3080 Ti is no RTX 3080. */
const MODELS = /^(?:ti|super|max|laptop|mobile|pcie|sxm\d?|nvl|xt|xtx|gre|pro|ultra|d)$/;

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

/**
 * Notes in the rows of the gpu backend which device PyTorch had where that is not the same one, as far as
 * names tell: an adapter's says more or less than CUDA's, but one has all the words of the other.
 */
export function noteDevices(rows: readonly Row[], versions: Result['versions']): Row[] {
  const own = versions[ADAPTER];
  const peer = versions[PYTORCH_DEVICE];
  if (own === undefined || peer === undefined || isSameDevice(own, peer)) return [...rows];
  const remark = SOFTWARE.test(own) ? 'a software adapter' : 'perhaps another GPU';
  return rows.map((row) => {
    if (row.contender !== 'tessera-gpu' || row.medianMs === null) return row;
    const text = `${remark} (${own}), but PyTorch on ${peer}`;
    return { ...row, note: [row.note, text].filter((part) => part !== '').join('; ') };
  });
}

function isSameDevice(a: string, b: string): boolean {
  if (SOFTWARE.test(a) || SOFTWARE.test(b)) return false;
  const [left, right] = [a, b].map((name) => new Set(name.toLowerCase().match(/\w+/g) ?? []));
  const missing = (of: ReadonlySet<string>, all: ReadonlySet<string>): string[] =>
    [...of].filter((word) => !all.has(word));
  const [more, less] = [missing(left, right), missing(right, left)];
  if ([...more, ...less].some((word) => MODELS.test(word))) return false;
  return more.length === 0 || less.length === 0;
}
