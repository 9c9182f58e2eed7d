// The table of all gradient rules; an operation without a row does not compile.

import type { CompositeParams, PrimitiveParams } from '@tessera/tensor/extend';
import { attention } from './attention.ts';
import { convolutions } from './conv2d.ts';
import { gather } from './gather.ts';
import { layerNorm } from './layer-norm.ts';
import { matmul } from './matmul.ts';
import { movement } from './movement.ts';
import { pointwise } from './pointwise.ts';
import { reduce } from './reduce.ts';
import type { VjpEntry } from './rule.ts';
import { softmax } from './softmax.ts';
import { source } from './source.ts';

/** The type of the gradient table: exactly one row for every primitive and composite. */
export type VjpTable = {
  readonly [N in keyof PrimitiveParams]: VjpEntry<PrimitiveParams[N]>;
} & {
  readonly [N in keyof CompositeParams]: VjpEntry<CompositeParams[N]>;
};

/**
 * All gradient rules. An operation without a row does not compile.
 *
 * @example
 * const rules = Object.values(vjpTable).filter((entry) => typeof entry === 'object' && 'vjp' in entry);
 * console.log(`${rules.length} rules in ${Object.keys(vjpTable).length} rows`);
 */
export const vjpTable: VjpTable = {
  ...pointwise,
  ...movement,
  ...reduce,
  ...matmul,
  ...convolutions,
  ...gather,
  ...source,
  ...softmax,
  ...layerNorm,
  ...attention,
};

/**
 * The row of the operation called `name`; `undefined` for an operation that is not in the table, such as a
 * composite of an extension.
 *
 * @example
 * console.log(vjpEntry('softplus')); // undefined: a function over primitives has no row
 */
export function vjpEntry(name: string): VjpEntry | undefined {
  // The row fits the attributes of its own operation, which is what it is applied to.
  return Object.hasOwn(vjpTable, name) ? (vjpTable[name as keyof VjpTable] as VjpEntry) : undefined;
}
