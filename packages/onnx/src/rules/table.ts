// The table of all rules; a primitive without a row does not compile.

import type { PrimitiveParams } from '@tessera/tensor/extend';
import { composites } from './composites.ts';
import { convolutions } from './conv2d.ts';
import { gather } from './gather.ts';
import { matmul } from './matmul.ts';
import { movement } from './movement.ts';
import { pointwise } from './pointwise/pointwise.ts';
import { reduce } from './reduce.ts';
import type { OnnxRule } from './rule.ts';
import { sort } from './sort.ts';
import { source } from './source.ts';

/** The type of the table: exactly one row for every primitive. */
type OnnxTable = { readonly [N in keyof PrimitiveParams]: OnnxRule<PrimitiveParams[N]> };

const primitives: OnnxTable = {
  ...pointwise,
  ...movement,
  ...reduce,
  ...matmul,
  ...convolutions,
  ...gather,
  ...sort,
  ...source,
};

const rules = { ...primitives, ...composites };

/** Names of the composites that stay one instruction of the program. */
export const keptComposites: ReadonlySet<string> = new Set(Object.keys(composites));

/** The rule of the operation called `name`; `undefined` for one that brings its own code along. */
export function ruleOf(name: string): OnnxRule | undefined {
  // The rule fits the attributes of its own operation, which is what it is applied to.
  return Object.hasOwn(rules, name) ? (rules[name as keyof typeof rules] as OnnxRule) : undefined;
}
