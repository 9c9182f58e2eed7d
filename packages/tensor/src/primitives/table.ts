// The instruction set: all primitives by name.

import { conv2d, type Conv2dParams } from './conv2d.ts';
import { matmul, type MatmulParams } from './matmul.ts';
import { gather, type GatherParams } from './gather.ts';
import { assembly, movement, type AssemblyParams, type MovementParams } from './movement.ts';
import { pointwise, type PointwiseParams } from './pointwise.ts';
import type { Primitive } from './primitive.ts';
import { reduce, type ReduceParams } from './reduce.ts';
import { sort, type SortParams } from './sort.ts';
import { literal, source, type LiteralTable, type SourceParams } from './source.ts';

/** The attributes of the primitives that have a kernel in the table of every backend. */
export interface KernelParams extends MatmulParams, GatherParams, SourceParams {}

/** The attributes of every primitive by name. Tables over the instruction set are keyed by this type. */
export interface PrimitiveParams
  extends
    PointwiseParams,
    MovementParams,
    AssemblyParams,
    ReduceParams,
    KernelParams,
    Conv2dParams,
    SortParams,
    LiteralTable {}

/** The name of a primitive. */
export type PrimitiveName = keyof PrimitiveParams;

/**
 * The instruction set.
 *
 * @example
 * primitives.matmul.flops([zeros([2, 3]), zeros([3, 5])], {}); // 60
 * apply(primitives.neg, [tensor([1, 2])], {})[0]; // [-1, -2]
 */
export const primitives: { readonly [N in PrimitiveName]: Primitive<PrimitiveParams[N]> } = {
  ...pointwise,
  ...movement,
  ...assembly,
  ...reduce,
  ...matmul,
  ...conv2d,
  ...gather,
  ...sort,
  ...source,
  literal,
};
