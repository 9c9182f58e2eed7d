import { compile, ones, setDefaultBackend, type Backend, type Tensor } from '@tessera/tensor';

/** Steps of three operations each, of which no two are equal: together more than 8 MB of code. */
const STEPS = 3200;

/** A long chain whose numbers stay between 0 and 1. */
function chain(x: Tensor): Tensor {
  let z = x;
  for (let i = 0; i < STEPS; i++)
    z = z
      .mul(1 + i / 1e5)
      .sin()
      .pow(0.5 + i / 1e5);
  return z;
}

/** Of numbers that do not lie in a row. */
function f(x: Tensor): Tensor {
  return chain(x.expand([5, 3, 2]).permute([2, 0, 1]));
}

/** What the chain gives on a backend: one operation after the other, or compiled. */
export function runLargePlan(backend: Backend, isCompiled: boolean): readonly number[] {
  setDefaultBackend(backend);
  const x = ones([5, 1, 2]).mul(0.25);
  return Array.from((isCompiled ? compile(f)(x) : f(x)).dataSync());
}
