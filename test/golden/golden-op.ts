import type { Tensor } from '@tessera/tensor';
import type { Attributes } from './attributes.ts';

/** An operation as the golden data names it: inputs and attributes to one or several outputs. */
export type GoldenOp = (inputs: readonly Tensor[], attributes: Attributes) => Tensor | Tensor[];

/** Operations by the names of the golden data. */
export type GoldenOps = Readonly<Record<string, GoldenOp>>;

/** An operation of one tensor without attributes. */
export function unary(f: (x: Tensor) => Tensor): GoldenOp {
  return ([x]) => f(x);
}

/** An operation of two tensors without attributes. */
export function binary(f: (a: Tensor, b: Tensor) => Tensor): GoldenOp {
  return ([a, b]) => f(a, b);
}

/** Refuses what the public API does not offer. */
export function unsupported(what: string): never {
  throw new Error(`${what} is not there yet`);
}
