import type { TypedArray } from '../../dtype.ts';
import { erf } from '../../primitives/erf.ts';
import { power, saturateInt32, type PointwiseParams } from '../../primitives/pointwise.ts';

/**
 * One pointwise primitive over the first `n` elements of its operands: `out[i] = f(a[i], b[i], c[i])`.
 *
 * The arithmetic is float64; storing into `out` rounds to its dtype, the same for a value that goes
 * on to the next loop as for one that goes to memory. `out` may be one of the operands.
 */
export type Loop = (
  out: TypedArray,
  n: number,
  a: TypedArray,
  b: TypedArray,
  c: TypedArray,
) => void;

/** The loop of every pointwise primitive. */
export const loops: Readonly<Record<keyof PointwiseParams, Loop>> = {
  neg: (out, n, a) => {
    for (let i = 0; i < n; i++) out[i] = -a[i];
  },
  exp: (out, n, a) => {
    for (let i = 0; i < n; i++) out[i] = Math.exp(a[i]);
  },
  log: (out, n, a) => {
    for (let i = 0; i < n; i++) out[i] = Math.log(a[i]);
  },
  sqrt: (out, n, a) => {
    for (let i = 0; i < n; i++) out[i] = Math.sqrt(a[i]);
  },
  sin: (out, n, a) => {
    for (let i = 0; i < n; i++) out[i] = Math.sin(a[i]);
  },
  cos: (out, n, a) => {
    for (let i = 0; i < n; i++) out[i] = Math.cos(a[i]);
  },
  tanh: (out, n, a) => {
    for (let i = 0; i < n; i++) out[i] = Math.tanh(a[i]);
  },
  sigmoid: (out, n, a) => {
    for (let i = 0; i < n; i++) out[i] = 1 / (1 + Math.exp(-a[i]));
  },
  erf: (out, n, a) => {
    for (let i = 0; i < n; i++) out[i] = erf(a[i]);
  },
  floor: (out, n, a) => {
    for (let i = 0; i < n; i++) out[i] = Math.floor(a[i]);
  },
  add: (out, n, a, b) => {
    for (let i = 0; i < n; i++) out[i] = a[i] + b[i];
  },
  sub: (out, n, a, b) => {
    for (let i = 0; i < n; i++) out[i] = a[i] - b[i];
  },
  mul: (out, n, a, b) => {
    if (out instanceof Int32Array) {
      for (let i = 0; i < n; i++) out[i] = Math.imul(a[i], b[i]);
    } else {
      for (let i = 0; i < n; i++) out[i] = a[i] * b[i];
    }
  },
  div: (out, n, a, b) => {
    for (let i = 0; i < n; i++) out[i] = a[i] / b[i];
  },
  pow: (out, n, a, b) => {
    for (let i = 0; i < n; i++) out[i] = power(a[i], b[i]);
  },
  maximum: (out, n, a, b) => {
    for (let i = 0; i < n; i++) out[i] = Math.max(a[i], b[i]);
  },
  less: (out, n, a, b) => {
    for (let i = 0; i < n; i++) out[i] = a[i] < b[i] ? 1 : 0;
  },
  lessEqual: (out, n, a, b) => {
    for (let i = 0; i < n; i++) out[i] = a[i] <= b[i] ? 1 : 0;
  },
  equal: (out, n, a, b) => {
    for (let i = 0; i < n; i++) out[i] = a[i] === b[i] ? 1 : 0;
  },
  where: (out, n, condition, a, b) => {
    for (let i = 0; i < n; i++) out[i] = condition[i] === 0 ? b[i] : a[i];
  },
  cast: (out, n, a) => {
    if (out instanceof Uint8Array) {
      for (let i = 0; i < n; i++) out[i] = a[i] === 0 ? 0 : 1;
    } else if (out instanceof Int32Array) {
      for (let i = 0; i < n; i++) out[i] = saturateInt32(a[i]);
    } else {
      for (let i = 0; i < n; i++) out[i] = a[i];
    }
  },
};
