// The paper's models as `tessera inspect` counts them.

import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** What a prediction needs to know of a model. */
export interface ModelSize {
  readonly name: string;
  /** Multiply-adds of a forward pass for one sample. */
  readonly macs: number;
  /** Bytes of gradients in float32 of each module with parameters of its own, in the order of the backward pass. */
  readonly parameters: readonly number[];
}

/** What `tessera inspect NAME --json` prints of a model. */
interface Inspected {
  readonly name: string;
  readonly macs: number;
  readonly modules: readonly { readonly path: string; readonly params: number }[];
}

const cli = fileURLToPath(new URL('../../packages/dit/bin/tessera.js', import.meta.url));

/** The models with patches of 2×2, which take the most multiply-adds. */
export function paperModels(): ModelSize[] {
  return ['S', 'B', 'L', 'XL'].map((size) => {
    const args = [cli, 'inspect', `DiT-${size}/2`, '--json'];
    const text = execFileSync(process.execPath, args, { encoding: 'utf8', maxBuffer: 2 ** 26 });
    const { name, macs, modules } = JSON.parse(text) as Inspected;
    const isParent = (path: string): boolean =>
      modules.some((other) => path === '' || other.path.startsWith(`${path}.`));
    const leaves = modules.filter(({ path, params }) => params > 0 && !isParent(path));
    return { name, macs, parameters: leaves.map(({ params }) => 4 * params).reverse() };
  });
}
