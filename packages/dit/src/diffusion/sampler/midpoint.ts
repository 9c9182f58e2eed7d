// The midpoint method along a flow: two calls of the model a step, second order.

import type { Tensor } from '@tessera/tensor';
import type { SamplerStep } from './step.ts';
import { slope, type Way } from './way.ts';

/**
 * Steps along a way with the slope in the middle of a step, where half a step of Euler's method leads. A
 * noise schedule has no timesteps there.
 *
 * Source: Hairer, Nørsett & Wanner 1993, "Solving ordinary differential equations I", section II.1.
 */
export function* midpointSteps(
  { places, see }: Way,
  placeAt: NonNullable<Way['placeAt']>,
  start: Tensor,
): Generator<SamplerStep, void, void> {
  let x = start;
  for (let n = 0; n + 1 < places.length; n++) {
    const [from, to] = [places[n].clock, places[n + 1].clock];
    const seen = see(x, places[n]);
    const middle = placeAt((from + to) / 2);
    const half = x.add(slope(seen, places[n]).mul((to - from) / 2));
    x = x.add(slope(see(half, middle), middle).mul(to - from));
    yield { x, xStart: seen.xStart };
  }
}
