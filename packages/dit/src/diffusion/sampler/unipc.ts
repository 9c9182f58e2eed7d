// UniPC of order 2: a prediction, and its correction by the next call of the model. Third order.

import type { Tensor } from '@tessera/tensor';
import type { SamplerStep } from './step.ts';
import { logRatio, type Way } from './way.ts';

/**
 * Steps along a way with a predictor and a corrector, and one call of the model a step. Over
 * λ = log(signal/noise) and h = λ' − λ the exact step is
 *
 *     x' = (noise'/noise) x + (signal' − signal · noise'/noise) · D
 *
 * where D is the mean of xStart over the step with the density e^λ. The predictor takes D from the line through
 * the last two xStart, with the value at the middle of the step (the simplified form of B₂(h) = e^h − 1): it is a
 * step of DPM-Solver++. The model is then called at the predicted x', which the next step needs anyway. The
 * corrector makes the step again, with the mean of the parabola through all three xStart:
 *
 *     D = xStart + c₁ (xStart' − xStart) + c₀ (xStart_before − xStart)/r,   c₁ + c₀ = M₁,   c₁ + r c₀ = M₂
 *
 * with r = −h_before/h, and the means over the step of its passed part τ, from 0 to 1, and of τ²:
 * M₁ = 1/(1 − e^{−h}) − 1/h and M₂ = 1/(1 − e^{−h}) − 2 M₁/h. Where no xStart stands before, c₀ is 0 and c₁ is M₁: in
 * the first step, and after a place without signal, whose h is infinite. From such a place xStart is a line over
 * signal/noise rather than λ, and M₁ is 1/2. The last step ends at the xStart that the model sees, the limit of
 * the method.
 *
 * Source: Zhao et al. 2023, "UniPC: a unified predictor-corrector framework for fast sampling of diffusion models",
 * algorithms 1 and 2, in the form for predictions of the data.
 */
export function* uniPcSteps(
  { places, see }: Way,
  start: Tensor,
): Generator<SamplerStep, void, void> {
  // Of the step before, xStart/h: xStart itself is handed out, and a caller may dispose of it.
  let before: { readonly share: Tensor; readonly h: number } | null = null;
  let correct: ((xStart: Tensor) => Tensor) | null = null;
  let x = start;
  for (let n = 0; n + 1 < places.length; n++) {
    const [from, to] = [places[n], places[n + 1]];
    const { xStart } = see(x, from);
    const here = correct === null ? x : correct(xStart);
    if (to.noise === 0) {
      yield { x: xStart, xStart };
      return;
    }
    const h = logRatio(to) - logRatio(from);
    const kept = to.noise / from.noise;
    const gain = to.signal - from.signal * kept;
    // The rise of xStart over this step, if it goes on as over the step before.
    const rise: Tensor | null =
      before === null
        ? null
        : xStart
            .mul(1 / before.h)
            .sub(before.share)
            .mul(h);
    const [first, second] = meansOfStep(h);
    const c0: number = before === null ? 0 : (first - second) / (1 + before.h / h);
    const c1 = first - c0;
    const moved = here.mul(kept);
    const base = xStart.mul(gain * (1 - c1)).add(moved);
    const settled = rise === null ? base : base.add(rise.mul(gain * c0));
    correct = (next) => settled.add(next.mul(gain * c1));
    const direction = rise === null ? xStart : xStart.add(rise.mul(0.5));
    x = moved.add(direction.mul(gain));
    before = { share: xStart.mul(1 / h), h };
    yield { x, xStart };
  }
}

/** M₁ and M₂ of a step of length h. */
function meansOfStep(h: number): readonly [number, number] {
  if (h === Infinity) return [1 / 2, 1 / 3];
  const whole = -1 / Math.expm1(-h);
  const first = whole - 1 / h;
  return [first, whole - (2 * first) / h];
}
