import { elementwiseOps } from './elementwise-ops.ts';
import { unsupported, type GoldenOp, type GoldenOps } from './golden-op.ts';
import { layoutOps } from './layout-ops.ts';
import { lossOps } from './loss-ops.ts';
import { networkOps } from './network-ops.ts';

/** What each operation of the golden data is in the public API. */
const OPS: GoldenOps = { ...elementwiseOps, ...layoutOps, ...networkOps, ...lossOps };

/** The operation called `name`. Throws if the public API has none yet. */
export function findOp(name: string): GoldenOp {
  return Object.hasOwn(OPS, name) ? OPS[name] : unsupported(`op "${name}"`);
}
