/** How much memory readers may take. `docs/files-you-read.md` states the same. */

/** The most that a reader allocates. */
interface Bound {
  /** Its files, as the page names them. */
  readonly files: string;
  /** Bytes of arrays, and characters of JSON, beside the file itself, for each unit. */
  readonly most: number;
  readonly unit: 'byte of the file' | 'byte of its arrays, inflated' | 'pixel';
}

const FILE = 'byte of the file';

/** The bounds of all readers. Each is above the largest that `bounds.test.ts` measures. */
export const BOUNDS = {
  tensors: { files: 'safetensors', most: 4, unit: FILE },
  array: { files: 'npy as a tensor', most: 6, unit: FILE },
  data: { files: 'npy, npz as data', most: 5, unit: 'byte of its arrays, inflated' },
  idx: { files: 'idx, idx.gz', most: 4, unit: 'byte of its arrays, inflated' },
  picture: { files: 'PNG, JPEG', most: 32, unit: 'pixel' },
  text: { files: 'JSON, JSON lines, CSV, text', most: 2, unit: FILE },
} as const satisfies Readonly<Record<string, Bound>>;

/** A row of {@link BOUNDS}. */
export type BoundName = keyof typeof BOUNDS;
