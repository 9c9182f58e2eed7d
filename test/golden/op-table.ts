import { rows } from '../ops/cases.ts';
import { unsupported, type GoldenOp, type GoldenOps } from './golden-op.ts';

/** What each operation of the golden data is in the public API: the rows of `test/ops` say it. */
const OPS: GoldenOps = Object.fromEntries(
  rows.flatMap(({ golden = {} }) => Object.entries(golden)),
);

/** The operation called `name`. Throws if the public API has none yet. */
export function findOp(name: string): GoldenOp {
  return Object.hasOwn(OPS, name) ? OPS[name] : unsupported(`op "${name}"`);
}
