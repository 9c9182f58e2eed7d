// A function of one number, its recorded graph, and its first three derivatives.

import { scalar, type Tensor } from '@tessera/tensor';
import { formatGraph, grad, record } from '@tessera/autograd';

const f = (x: Tensor): Tensor => x.pow(3).sub(x.mul(2)).sin();
const x = scalar(1.5);

// Recording notes every operation that x goes through.
const { value, graph } = record(f, x);
console.log(formatGraph(graph));
console.log('f(1.5)    =', value.itemSync().toFixed(5));

// The gradient of a function is a function, so it can be taken again.
const df = grad(f);
const d2f = grad(df);
const d3f = grad(d2f);
console.log("f'(1.5)   =", df(x).itemSync().toFixed(5));
console.log("f''(1.5)  =", d2f(x).itemSync().toFixed(4));
console.log("f'''(1.5) =", d3f(x).itemSync().toFixed(3));

// Check against calculus: f' = cos(x³ − 2x) · (3x² − 2).
const byHand = Math.cos(1.5 ** 3 - 3) * (3 * 1.5 ** 2 - 2);
console.log('by hand   =', byHand.toFixed(5));
