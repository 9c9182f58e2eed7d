// Heun's method: two calls of the model a step, second order.

import type { Tensor } from '@tessera/tensor';
import type { SamplerStep } from './step.ts';
import { slope, type Way } from './way.ts';

/**
 * Steps along a way with the mean of the slopes at both ends of a step, where Euler's method tells the other
 * end. The last step of a noise schedule ends at the clean latent that the model sees: its clean end has no
 * timestep to ask the model at.
 *
 * Source: Karras et al. 2022, "Elucidating the design space of diffusion-based generative models",
 * algorithm 1; here on the clock of the process.
 */
export function* heunSteps(
  { places, see, placeAt }: Way,
  start: Tensor,
): Generator<SamplerStep, void, void> {
  let x = start;
  for (let n = 0; n + 1 < places.length; n++) {
    const [from, to] = [places[n], places[n + 1]];
    const seen = see(x, from);
    if (to.noise === 0 && placeAt === null) {
      x = seen.xStart;
    } else {
      const gap = to.clock - from.clock;
      const first = slope(seen, from);
      const ahead = x.add(first.mul(gap));
      x = x.add(first.add(slope(see(ahead, to), to)).mul(gap / 2));
    }
    yield { x, xStart: seen.xStart };
  }
}
