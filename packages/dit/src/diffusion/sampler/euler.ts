// Euler's method along a flow: one call of the model a step, first order; exact with a flow map.

import type { Tensor } from '@tessera/tensor';
import type { SamplerStep } from './step.ts';
import { slope, type Way } from './way.ts';

/**
 * Steps along a way: `x + (clock' − clock) · slope`. For a flow this is DDIM without noise. A flow map gives the average
 * slope of the step, which then needs not be short.
 *
 * Sources: Liu et al. 2022, "Flow straight and fast", algorithm 1; for flow maps Geng et al. 2025, "Mean flows for
 * one-step generative modeling", equation 12.
 */
export function* eulerSteps(
  { places, see }: Way,
  start: Tensor,
): Generator<SamplerStep, void, void> {
  let x = start;
  for (let n = 0; n + 1 < places.length; n++) {
    const seen = see(x, places[n], places[n + 1]);
    x = x.add(slope(seen, places[n]).mul(places[n + 1].clock - places[n].clock));
    yield { x, xStart: seen.xStart };
  }
}
