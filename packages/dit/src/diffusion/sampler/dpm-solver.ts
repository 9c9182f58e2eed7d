// DPM-Solver++ of second order with two steps of memory: one call of the model a step.

import type { Tensor } from '@tessera/tensor';
import type { SamplerStep } from './step.ts';
import { logRatio, type Way } from './way.ts';

/**
 * Steps along a way by `x' = (noise'/noise) x + (signal' − signal · noise'/noise) · D`. Here D continues the
 * line through the last two predicted xStart over λ = log(signal/noise):
 *
 *     D = (1 + r) xStart − r xStart_before,   r = h / (2 h_before),   h = λ' − λ
 *
 * Three steps know no such line, and take D = xStart: the first, which has no step before it; the one after a
 * place without signal, whose h is infinite, so that r is 0; and the last, where noise' is 0 and λ' infinite.
 * The last step then ends at xStart, the limit of the method.
 *
 * Source: Lu et al. 2022, "DPM-Solver++: fast solver for guided sampling of diffusion probabilistic models",
 * algorithm 2.
 */
export function* dpmSolverSteps(
  { places, see }: Way,
  start: Tensor,
): Generator<SamplerStep, void, void> {
  // Of the step before, xStart/(2h): xStart itself is handed out, and a caller may dispose of it.
  let before: { readonly share: Tensor; readonly h: number } | null = null;
  let x = start;
  for (let n = 0; n + 1 < places.length; n++) {
    const [from, to] = [places[n], places[n + 1]];
    const { xStart } = see(x, from);
    const h = logRatio(to) - logRatio(from);
    let direction = xStart;
    if (before !== null && to.noise > 0) {
      direction = xStart.mul(1 + h / (2 * before.h)).sub(before.share.mul(h));
    }
    const kept = to.noise / from.noise;
    x = x.mul(kept).add(direction.mul(to.signal - from.signal * kept));
    before = { share: xStart.mul(1 / (2 * h)), h };
    yield { x, xStart };
  }
}
